// Calls from the desk: an agent calls a number through a trunk, with mistakes told at the field, a colleague by name, and
// takes calls on a line's telephone.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { openBrowser, signIn } from '../helpers/agent.ts';
import { audioTo } from '../helpers/capture.ts';
import { expect, test, type Scene } from '../helpers/fixtures.ts';
import { freePorts } from '../helpers/ports.ts';
import { pause, Program } from '../helpers/program.ts';
import { secondsOf, tones, writeTone } from '../helpers/tone.ts';

/** Adds a trunk by address to a provider, and lets alice call outside. Returns the administrator's page. */
async function provider(scene: Scene, port: number): Promise<{ page: Page; close: () => Promise<void> }> {
  const { browser, context } = await openBrowser(scene.folder);
  const page = await context.newPage();
  await signIn(page, scene.carillon, 'admin');
  await page.goto(`${scene.carillon.http}/trunks/new`);
  await page.getByTestId('name').fill('Provider');
  await page.getByTestId('targets[0].host').fill('127.0.0.1');
  await page.getByTestId('targets[0].port').fill(String(port));
  await page.getByTestId('signOn-address').check();
  await page.selectOption('[name="outgoing.country"]', 'FR');
  await page.locator('#trunk-outgoing summary').click();
  await page.getByTestId('preset-country').click();
  await page.getByTestId('save').click();
  await expect(page.getByTestId('trunk-now')).toContainText('Ready', { timeout: 60_000 });
  await page.goto(`${scene.carillon.http}/agents/demo-alice`);
  await page.locator('#agent-calls summary').click();
  await page.locator('[name="outside"][type="checkbox"]').check();
  await page.getByTestId('save').click();
  await expect(page.getByTestId('notice')).toBeVisible();
  return { page, close: () => browser.close() };
}

test('alice calls a number through a trunk, and both hear each other', async ({ scene }) => {
  const callee = await scene.callee();
  const admin = await provider(scene, callee.sipPort);
  await admin.page.goto(`${scene.carillon.http}/trunks`);
  await expect(admin.page.getByTestId('no-alarms')).toBeVisible();
  const alice = await scene.agent('alice');
  const capture = await scene.capture(`udp portrange ${callee.mediaPort}-${callee.mediaPort + 3}`);

  // What may not be called is told at the field, and what was typed stays.
  await alice.find('dial-to').fill('+1 212 555 0100');
  await alice.press('dial-call');
  await expect(alice.find('dial-error')).toBeVisible();
  await expect(alice.find('dial-to')).toHaveValue('+1 212 555 0100');
  // The administrator learns of it without asking.
  await expect(admin.page.getByTestId('alarm')).toContainText('Alice called +12125550100.');
  await expect(admin.page.getByTestId('alarm')).toContainText('The call was not made.');
  await admin.close();

  await alice.find('dial-to').fill('tel:+33-6-12-34-56-78');
  await alice.page.keyboard.press('Enter');
  await expect(alice.find('call-phase')).toContainText('It rings');
  await expect(alice.find('call-phase')).toBeHidden();
  await alice.is('talking');
  await alice.hears(tones.caller);
  await pause(6_000);
  await alice.press('hangup');
  await expect(alice.find('dial')).toBeVisible();
  await expect(alice.find('dial-to')).toHaveValue('');
  const heard = audioTo(await capture.stop(), callee.mediaPort);
  expect(secondsOf(heard, 0, tones.alice), 'seconds of alice that the number was sent').toBeGreaterThan(1.2);
});

test('a colleague is found by name and called with the keyboard alone', async ({ scene }) => {
  const bob = await scene.agent('bob');
  await bob.ready();
  const alice = await scene.agent('alice');
  await alice.find('dial-to').focus();
  await alice.page.keyboard.type('bo');
  await expect(alice.find('dial-option')).toHaveCount(1);
  await alice.page.keyboard.press('ArrowDown');
  await alice.page.keyboard.press('Enter');
  await alice.page.keyboard.press('Enter');
  await bob.answers();
  await alice.hears(tones.bob);
  await bob.hears(tones.alice);
  await alice.press('hangup');
  await bob.is('ready');
});

test('calls ring on the telephone of an agent with a line, page or not', async ({ scene }) => {
  const { browser, context } = await openBrowser(scene.folder);
  const page = await context.newPage();
  await signIn(page, scene.carillon, 'admin');
  await page.goto(`${scene.carillon.http}/lines/new`);
  await page.getByTestId('number').fill('203');
  await page.getByTestId('name').fill('Desk 3');
  await page.getByTestId('save').click();
  const password = (await page.getByTestId('setting-password').innerText()).trim();
  await page.goto(`${scene.carillon.http}/agents/demo-alice`);
  await page.locator('[name="device.kind"][value="line"]').check();
  await page.selectOption('[name="device.line"]', { index: 1 });
  await page.getByTestId('save').click();
  await expect(page.getByTestId('notice')).toBeVisible();
  await browser.close();

  const alice = await scene.agent('alice');
  await alice.press('ready');
  await expect(alice.find('problems')).toContainText('Your telephone 203 is not registered');
  const telephone = await answering(scene, '203', password);
  await expect(alice.find('problems')).toBeHidden();
  await alice.is('ready');

  const phone = scene.call({ from: '+33123456789' });
  await alice.is('talking', 45_000);
  await pause(3_000);
  await alice.press('hold');
  await expect(alice.find('hold')).toHaveAttribute('aria-pressed', 'true');
  await alice.press('hold', 'hangup');
  expect((await phone.result()).answered).toBe(true);
  await alice.page.close();
  const again = scene.call({ from: '+33123456789' });
  await telephone.prints(/Call established[\s\S]*Call established/, 45_000);
  await pause(7_000);
  await telephone.stop(15_000);
  expect((await again.result()).tone_hz, 'the tone of the telephone').toBeCloseTo(tones.bob, -2);
});

/** Somebody else's telephone that signs on, answers by itself and plays a tone. */
async function answering(scene: Scene, number: string, password: string): Promise<Program> {
  const own = join(scene.folder, 'telephone');
  mkdirSync(own, { recursive: true });
  const tone = writeTone(join(own, 'tone.wav'), tones.bob, { rate: 8_000, seconds: 60 });
  const sip = await freePorts(2);
  const rtp = await freePorts(10);
  writeFileSync(join(own, 'config'), [
    'poll_method epoll', `sip_listen 127.0.0.1:${sip}`, `rtp_ports ${rtp}-${rtp + 9}`, `audio_source aufile,${tone}`,
    'audio_player aubridge,nowhere', 'audio_alert aubridge,nowhere', 'module_path /usr/lib/baresip/modules', 'module g711.so',
    'module aufile.so', 'module aubridge.so', 'module_tmp account.so', 'module_app menu.so', '',
  ].join('\n'));
  writeFileSync(join(own, 'accounts'), `<sip:${number}@127.0.0.1:${scene.carillon.sipPort}>;auth_pass=${password};regint=60;answermode=auto\n`);
  writeFileSync(join(own, 'contacts'), '');
  const phone = new Program('baresip', ['-f', own], { cwd: own });
  await phone.prints(/baresip is ready/);
  return phone;
}
