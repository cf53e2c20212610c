// The server owns the call: what happens to the agent's page does not end it.

import { expect, test } from '../helpers/fixtures.ts';
import { pause } from '../helpers/program.ts';
import { measured, took } from '../helpers/stalls.ts';
import { longestGap, secondsOf, tones } from '../helpers/tone.ts';
import { readWav } from '../helpers/wav.ts';

test('a reload keeps the call, and audio is back both ways within 3 s', async ({ scene }) => {
  const alice = await scene.agent('alice');
  await alice.ready();
  const calls = await measured(async (attempt) => {
    await alice.backToReady();
    const heardFile = `${scene.folder}/heard-${attempt}.wav`;
    const phone = scene.call({ record: heardFile });
    try {
      await alice.answers();
      await alice.hears(tones.caller);
      await pause(2_000);

      const reloaded = Date.now();
      await alice.page.reload();
      await alice.is('talking');
      const back = await alice.hears(tones.caller, { since: reloaded });
      expect(took(reloaded, back), "milliseconds from the reload to the caller's voice").toBeLessThan(3_000);
      await pause(4_000);
      expect(phone.over, 'the caller is still in the call').toBe(false);
      await alice.press('hangup');
      await phone.result();

      const heard = readWav(heardFile);
      const gap = longestGap(heard, 0, tones.alice);
      expect(gap.to - gap.from, "the longest time without alice in the caller's ear, seconds").toBeLessThan(3);
      expect(secondsOf(heard, 0, tones.alice)).toBeGreaterThan(3);
      return attempt;
    } finally {
      await phone.stop();
    }
  });

  const records = await scene.records();
  await records.list(calls);
});

test('mute and hold are as they were after a reload', async ({ scene }) => {
  const alice = await scene.agent('alice');
  await alice.ready();
  scene.call();
  await alice.answers();
  await alice.hears(tones.caller);

  await alice.press('mute');
  await expect(alice.find('mute')).toHaveAttribute('aria-pressed', 'true');
  await alice.page.reload();
  await alice.is('talking');
  await expect(alice.find('mute')).toHaveAttribute('aria-pressed', 'true');
  await alice.hears(tones.caller);

  await alice.press('hold');
  await expect(alice.find('hold')).toHaveAttribute('aria-pressed', 'true');
  await alice.page.reload();
  await alice.is('talking');
  await expect(alice.find('hold')).toHaveAttribute('aria-pressed', 'true');
  await expect(alice.find('mute')).toHaveAttribute('aria-pressed', 'true');

  await alice.press('hold');
  await expect(alice.find('hold')).toHaveAttribute('aria-pressed', 'false');
  await alice.hears(tones.caller);
});

test('a second tab takes the call over', async ({ scene }) => {
  const alice = await scene.agent('alice');
  await alice.ready();
  scene.call();
  await alice.answers();
  await alice.hears(tones.caller);

  const first = alice.page;
  alice.page = await alice.context.newPage();
  await alice.page.goto(`${scene.carillon.http}/agent`);
  await alice.press('take-over');
  await alice.is('talking');
  await alice.hears(tones.caller);
  await expect(first.getByTestId('take-over')).toBeVisible();
});

test('a closed tab gives the caller back to the head of the queue', async ({ scene }) => {
  // The page has 30 s to come back before the caller is offered to somebody else.
  const alice = await scene.agent('alice');
  const bob = await scene.agent('bob');
  await alice.ready();
  const phone = scene.call();
  await alice.answers();
  await alice.hears(tones.caller);

  await alice.close();
  await bob.press('ready');
  await bob.answers(75_000);
  await bob.hears(tones.caller);
  expect(phone.over).toBe(false);
});
