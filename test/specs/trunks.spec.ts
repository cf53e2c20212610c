// The administrator's pages of trunks: mistakes are told at the field and nothing typed is lost, the password stays where it
// is, a state that changes is shown without a reload, and nobody else gets in.

import { createSocket } from 'node:dgram';
import type { Page } from '@playwright/test';
import { openBrowser, signIn } from '../helpers/agent.ts';
import { expect, test, type Scene } from '../helpers/fixtures.ts';
import { freePorts } from '../helpers/ports.ts';

const secret = 'xyzzy-Plugh-42';

async function administrator(scene: Scene): Promise<{ page: Page; close: () => Promise<void> }> {
  const { browser, context } = await openBrowser(scene.folder);
  const page = await context.newPage();
  await signIn(page, scene.carillon, 'admin');
  return { page, close: () => browser.close() };
}

test('a trunk is added with mistakes, put right, and edited', async ({ scene }) => {
  const { page, close } = await administrator(scene);
  const port = await freePorts(1);
  await page.goto(`${scene.carillon.http}/trunks`);
  await expect(page.getByTestId('empty')).toContainText('No trunks yet');
  await page.getByTestId('new').click();

  await page.getByTestId('name').fill('My provider');
  await page.getByTestId('targets[0].host').fill('not a host');
  await page.getByTestId('username').fill('account');
  await page.getByTestId('save').click();
  await expect(page.getByTestId('problem-targets[0].host')).toBeVisible();
  await expect(page.getByTestId('problem-password')).toBeVisible();
  await expect(page.getByTestId('targets[0].host')).toBeFocused();
  await expect(page.getByTestId('name')).toHaveValue('My provider');
  await expect(page.getByTestId('username')).toHaveValue('account');

  await page.getByTestId('targets[0].host').fill('127.0.0.1');
  await page.getByTestId('targets[0].port').fill(String(port));
  await page.getByTestId('password').fill(secret);
  await expect(page.getByTestId('password')).toHaveAttribute('type', 'password');
  await page.selectOption('[name="outgoing.country"]', 'FR');
  await page.locator('#trunk-outgoing summary').click();
  await page.getByTestId('preset-country').click();
  await expect(page.getByTestId('outgoing.allowed')).toHaveValue('+33');
  await page.locator('#trunk-callerid summary').click();
  await page.getByTestId('callerId.number').fill('+33 1 23 45 67 89');
  await expect(page.getByTestId('callerid-sample')).toContainText('P-Asserted-Identity: <sip:+33123456789@127.0.0.1>');
  await page.getByTestId('save').click();

  await expect(page.getByTestId('notice')).toContainText('My provider was saved');
  // Nobody listens there: the page learns it by itself.
  await expect(page.getByTestId('trunk-now')).toContainText('does not answer', { timeout: 60_000 });
  expect(await page.content()).not.toContain(secret);

  // A second address to fall back on, tried first; the password stays without being typed.
  await page.getByTestId('add-target').click();
  await page.getByTestId('targets[1].host').fill('192.0.2.1');
  await page.getByRole('button', { name: 'Try earlier' }).click();
  await page.getByTestId('save').click();
  await expect(page.getByTestId('notice')).toBeVisible();
  await expect(page.getByTestId('targets[0].host')).toHaveValue('192.0.2.1');
  await expect(page.getByTestId('targets[1].host')).toHaveValue('127.0.0.1');
  await expect(page.getByTestId('password')).toHaveValue('');
  await expect(page.getByTestId('password')).toHaveAttribute('placeholder', /•/);

  page.on('dialog', (dialog) => void dialog.accept());
  await page.getByTestId('delete').click();
  await expect(page.getByTestId('empty')).toBeVisible();
  await close();
});

test('a provider that answers is shown without a reload, and the doctor finds it well', async ({ scene }) => {
  const { page, close } = await administrator(scene);
  const port = await freePorts(1);
  await page.goto(`${scene.carillon.http}/trunks/new`);
  await page.getByTestId('name').fill('By address');
  await page.getByTestId('targets[0].host').fill('127.0.0.1');
  await page.getByTestId('targets[0].port').fill(String(port));
  await page.getByTestId('signOn-address').check();
  await expect(page.getByTestId('username')).toBeHidden();
  await page.getByTestId('save').click();
  await expect(page.getByTestId('trunk-now')).toContainText('does not answer', { timeout: 60_000 });

  const provider = createSocket('udp4');
  provider.on('message', (message, from) => {
    const lines = message.toString().split('\r\n');
    const kept = lines.filter((line) => /^(via|from|call-id|cseq):/i.test(line));
    const to = lines.find((line) => /^to:/i.test(line)) ?? '';
    provider.send(['SIP/2.0 200 OK', ...kept, `${to};tag=provider`, 'Content-Length: 0', '', ''].join('\r\n'), from.port, from.address);
  });
  provider.bind(port, '127.0.0.1');
  await page.getByTestId('doctor-start').click();
  await expect(page.getByTestId('verdict')).toContainText('All is well', { timeout: 60_000 });
  await expect(page.getByTestId('trunk-now')).toContainText('Ready', { timeout: 60_000 });
  await expect(page.getByTestId('trunk-now')).toContainText('answers in');
  provider.close();
  await close();
});

test('an agent gets none of the pages of administrators', async ({ scene }) => {
  const alice = await scene.agent('alice');
  for (const kind of ['trunks', 'lines', 'agents', 'numbers']) {
    const { request } = alice.page;
    for (const path of [`/${kind}`, `/${kind}/new`]) {
      expect((await request.get(scene.carillon.http + path)).status(), path).toBe(403);
    }
    const answer = await request.post(`${scene.carillon.http}/${kind}/new`, { form: { name: 'x', number: '9' } });
    expect(answer.status(), `POST /${kind}/new`).toBe(403);
    await expect(alice.page.locator(`nav a[href="/${kind}"]`)).toHaveCount(0);
  }
});

test('whoever gets another password is signed out at once, on every page', async ({ scene }) => {
  const alice = await scene.agent('alice');
  await alice.is('away');
  const { page, close } = await administrator(scene);
  await page.goto(`${scene.carillon.http}/agents/demo-alice`);
  await page.getByTestId('password').fill('another good password');
  await page.getByTestId('save').click();
  await expect(alice.find('problems')).toContainText('You are signed out.', { timeout: 60_000 });
  await alice.is('offline');
  await expect(alice.find('ready')).toBeHidden();

  // An administrator's page that stays open elsewhere says so too, and keeps what was typed.
  await page.goto(`${scene.carillon.http}/trunks/new`);
  await page.getByTestId('name').fill('My provider');
  const other = await page.context().newPage();
  await other.goto(scene.carillon.http);
  await other.request.post(`${scene.carillon.http}/logout`);
  await expect(page.locator('#signed-out')).toBeVisible({ timeout: 60_000 });
  await expect(page.getByTestId('name')).toHaveValue('My provider');
  await signIn(other, scene.carillon, 'admin');
  await expect(page.locator('#signed-out')).toBeHidden({ timeout: 60_000 });
  await close();
});

test('no page of administrators is wider than a mobile phone', async ({ scene }) => {
  const { page, close } = await administrator(scene);
  await page.setViewportSize({ width: 390, height: 844 });
  for (const path of ['/trunks', '/trunks/new', '/lines', '/lines/new', '/agents', '/agents/new', '/agents/demo-alice', '/numbers', '/numbers/new']) {
    await page.goto(scene.carillon.http + path);
    await page.locator('details.folded').evaluateAll((all) => all.forEach((one) => one.setAttribute('open', '')));
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(over, `${path} is too wide by`).toBe(0);
  }
  await close();
});
