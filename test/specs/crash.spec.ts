// A server that dies in the middle of a call leaves a recording that plays and a record that says how it ended.

import { expect, test } from '../helpers/fixtures.ts';
import { pause } from '../helpers/program.ts';
import { calm, measured, took } from '../helpers/stalls.ts';
import { lengthOf, secondsOf, tones } from '../helpers/tone.ts';

test('after kill -9 the recording lacks 2 s at most', async ({ scene }) => {
  await measured(async (attempt) => {
    const alice = await scene.agent('alice');
    await alice.ready();
    const phone = scene.call();
    await alice.answers();
    const first = await alice.hears(tones.caller, { since: await alice.since('talking') });
    await pause(6_000);
    await calm(2_500);
    const killed = Date.now();
    const [talked, moved] = [(killed - first) / 1_000, took(first, killed) / 1_000];
    await scene.carillon.kill();
    await alice.close();
    await phone.stop();

    await scene.carillon.restart();
    const records = await scene.records();
    await records.list(attempt);
    await records.openNewest();
    expect(await records.end(), 'how the call ended').not.toBe('');
    const recording = await records.recording();
    expect(recording.channels).toHaveLength(2);
    expect(lengthOf(recording)).toBeGreaterThan(talked - 2);
    expect(secondsOf(recording, 0, tones.caller), 'seconds of the caller, left').toBeGreaterThan(moved - 2.2);
    expect(secondsOf(recording, 1, tones.alice), 'seconds of alice, right').toBeGreaterThan((moved - 2.2) * 0.4);
  });
});
