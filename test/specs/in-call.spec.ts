// What an agent does in a call, heard from both sides.

import { expect, test } from '../helpers/fixtures.ts';
import type { Phone } from '../helpers/phone.ts';
import { pause } from '../helpers/program.ts';
import { measured } from '../helpers/stalls.ts';
import { listen, longestGap, tones } from '../helpers/tone.ts';
import { readWav } from '../helpers/wav.ts';

test('hold plays music to the caller, and neither hears the other', async ({ scene }) => {
  const alice = await scene.agent('alice');
  await alice.ready();
  await measured(async (attempt) => {
    await alice.backToReady();
    const heardFile = `${scene.folder}/heard-${attempt}.wav`;
    const phone = scene.call({ record: heardFile });
    try {
      await alice.answers();
      await alice.hears(tones.caller);
      await pause(1_500);

      await alice.press('hold');
      await expect(alice.find('hold')).toHaveAttribute('aria-pressed', 'true');
      await pause(2_000);
      // After the beginning: the browser plays out what it has buffered, and fills the silence with more of the same.
      await alice.hearsNoMore(tones.caller, 3);
      await alice.press('hold');
      await expect(alice.find('hold')).toHaveAttribute('aria-pressed', 'false');
      await alice.hears(tones.caller);
      await pause(1_500);
      await alice.press('hangup');
      await phone.result();

      const heard = readWav(heardFile);
      const gap = longestGap(heard, 0, tones.alice);
      expect(gap.to - gap.from, 'seconds without alice').toBeGreaterThan(3.5);
      const music = listen(heard, 0, []).filter((one) => one.at > gap.from + 0.5 && one.at < gap.to - 0.5);
      const audible = music.filter((one) => one.level > 0.005).length / music.length;
      expect(audible, 'share of the hold in which there was music').toBeGreaterThan(0.7);
    } finally {
      await phone.stop();
    }
  });
});

test('a muted agent hears and is not heard', async ({ scene }) => {
  const alice = await scene.agent('alice');
  await alice.ready();
  await measured(async (attempt) => {
    await alice.backToReady();
    const heardFile = `${scene.folder}/heard-${attempt}.wav`;
    const phone = scene.call({ record: heardFile });
    try {
      await alice.answers();
      await alice.hears(tones.caller);
      await pause(1_500);

      await alice.press('mute');
      await expect(alice.find('mute')).toHaveAttribute('aria-pressed', 'true');
      await alice.hearsSteadily(tones.caller);
      await alice.press('mute');
      await expect(alice.find('mute')).toHaveAttribute('aria-pressed', 'false');
      await pause(1_500);
      await alice.press('hangup');
      await phone.result();

      const heard = readWav(heardFile);
      const gap = longestGap(heard, 0, tones.alice);
      expect(gap.to - gap.from, 'seconds without alice').toBeGreaterThan(2.5);
      const loud = listen(heard, 0, []).filter((one) => one.at > gap.from + 0.3 && one.at < gap.to - 0.3 && one.level > 0.005);
      expect(loud, 'sound that the caller heard while alice was muted').toEqual([]);
    } finally {
      await phone.stop();
    }
  });
});

test('after the call comes the wrap-up, and then the next caller', async ({ scene }) => {
  const alice = await scene.agent('alice');
  await alice.ready();
  await measured(async () => {
    await alice.backToReady();
    const first = scene.call();
    let second: Phone | undefined;
    try {
      await alice.answers();
      second = scene.call();
      await alice.hears(tones.caller);
      await alice.press('hangup');
      // It is over by itself after 5 s.
      await alice.is('wrapUp', 4_000);
      await pause(500);
      await alice.is('wrapUp', 4_000);
      await alice.find('finish-wrapup').click({ timeout: 4_000 });
      await first.result();
      await alice.answers();
      await alice.hears(tones.caller);
      expect(second.over).toBe(false);
    } finally {
      await first.stop();
      await second?.stop();
    }
  });
});
