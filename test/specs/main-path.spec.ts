// The main path of a caller and an agent, with every kind of telephone: call, greeting, key, queue, ring, answer, talk,
// hang up; and what the administrator finds afterwards.

import { audioTo } from '../helpers/capture.ts';
import { expect, type Scene, test } from '../helpers/fixtures.ts';
import { pause } from '../helpers/program.ts';
import { measured, took } from '../helpers/stalls.ts';
import { lengthOf, secondsOf, tones } from '../helpers/tone.ts';
import { readWav, type Sound } from '../helpers/wav.ts';

const stores = process.env['CARILLON_TEST_MONGO'] ? (['sqlite', 'mongodb'] as const) : (['sqlite'] as const);

for (const store of stores) {
  test.describe(`on ${store}`, () => {
    test.use({ store });

    test('a caller presses 2, talks with alice, and the call is on record', async ({ scene }) => {
      const alice = await scene.agent('alice');
      await alice.ready();
      const calls = await measured(async (attempt) => {
        await alice.backToReady();
        const heardFile = `${scene.folder}/heard-${attempt}.wav`;
        const phone = scene.call({ from: '+33123456789', record: heardFile });
        try {
          await alice.is('ringing', 45_000);
          await expect(alice.find('caller')).toContainText('+33123456789');
          await expect(alice.find('queue')).toHaveText('Support');
          await alice.press('accept');
          await alice.is('talking');
          const talking = await alice.since('talking');
          const first = await alice.hears(tones.caller, { since: talking });
          expect(took(talking, first), 'milliseconds from the click to the first sound').toBeLessThan(1_000);
          await alice.hearsSteadily(tones.caller);
          await pause(2_000);

          await alice.press('hangup');
          const result = await phone.result();
          expect(result.answered).toBe(true);
          expect(secondsOf(readWav(heardFile), 0, tones.alice), 'seconds of alice that the caller heard').toBeGreaterThan(1.2);
        } finally {
          await phone.stop();
        }
        return attempt;
      });

      await expectOnRecord(scene, { talked: 3, calls });
    });
  });
}

test('SIPp calls in A-law, presses 2 by INFO and gets a BYE', async ({ scene }) => {
  const alice = await scene.agent('alice');
  await alice.ready();
  const capture = await scene.capture(`udp portrange ${scene.carillon.sipPort - 1500}-${scene.carillon.sipPort + 1500}`);
  const phone = await scene.sipp('caller-pcma-info');

  await alice.answers();
  await alice.hears(tones.caller);
  await pause(6_000);
  await alice.press('hangup');
  await phone.succeeds();

  const heard = audioTo(await capture.stop(), phone.mediaPort);
  expect(secondsOf(heard, 0, tones.alice), 'seconds of alice that the caller was sent').toBeGreaterThan(1.2);
  await expectOnRecord(scene, { talked: 3 });
});

test('SIPp calls in µ-law, presses 2 by RFC 4733 and hangs up', async ({ scene }) => {
  const alice = await scene.agent('alice');
  await alice.ready();
  const phone = await scene.sipp('caller-pcmu-rfc4733', { stay: 20_000, keyAt: 2 });

  await alice.answers();
  await alice.hears(tones.caller);
  await phone.succeeds();
  await expect(alice.find('state')).not.toHaveAttribute('data-state', 'talking');
  await expectOnRecord(scene, { talked: 2 });
});

for (const codec of ['PCMA/8000/1', 'PCMU/8000/1'] as const) {
  test(`baresip calls in ${codec}, hears alice, gets her keys and hangs up`, async ({ scene }) => {
    const alice = await scene.agent('alice');
    await alice.ready();
    const phone = await scene.baresip({ codec });
    phone.dial(scene.carillon.uri());
    await phone.happens('CALL_ESTABLISHED');
    phone.press('2');

    await alice.answers();
    await alice.hears(tones.caller);
    await alice.press('keypad', 'key-5');
    expect(await phone.happens('CALL_DTMF_START')).toBe('5');
    await pause(6_000);
    phone.hangUp();
    await phone.happens('CALL_CLOSED');
    await expect(alice.find('state')).not.toHaveAttribute('data-state', 'talking');

    await phone.stop();
    expect(secondsOf(phone.heard(), 0, tones.alice), 'seconds of alice that the caller heard').toBeGreaterThan(1.2);
    await expectOnRecord(scene, { talked: 2.5 });
  });
}

/** Calls on record, the last one with all that belongs to it: in the list, with its timeline, and both voices in their channels. */
async function expectOnRecord(scene: Scene, atLeast: { talked: number; calls?: number }): Promise<void> {
  const records = await scene.records();
  await records.list(atLeast.calls ?? 1);
  await records.openNewest();
  const timeline = await records.timeline();
  expect(timeline).toContain('Support');
  expect(timeline).toContain('Alice');
  expectBothVoices(await records.recording(), atLeast.talked);
}

function expectBothVoices(recording: Sound, talked: number): void {
  expect(recording.channels, 'caller left, agent right').toHaveLength(2);
  expect(lengthOf(recording)).toBeGreaterThan(talked);
  expect(secondsOf(recording, 0, tones.caller), 'seconds of the caller, left').toBeGreaterThan(talked * 0.9);
  expect(secondsOf(recording, 0, tones.alice), 'seconds of alice, left').toBe(0);
  expect(secondsOf(recording, 1, tones.alice), 'seconds of alice, right').toBeGreaterThan(talked * 0.4);
  expect(secondsOf(recording, 1, tones.caller), 'seconds of the caller, right').toBe(0);
}
