// Offers: exactly one agent gets a call, the others are told, and nothing rings longer than it should.

import { timeOfRequest } from '../helpers/capture.ts';
import { expect, test } from '../helpers/fixtures.ts';
import { pause } from '../helpers/program.ts';
import { measured, took } from '../helpers/stalls.ts';
import { tones } from '../helpers/tone.ts';

test('two agents accept at the same time: one gets the call, the other is told who', async ({ scene }) => {
  const [alice, bob] = await Promise.all([scene.agent('alice'), scene.agent('bob')]);
  await Promise.all([alice.ready(), bob.ready()]);
  const statesNow = (): Promise<(string | null)[]> => Promise.all([alice, bob].map((one) => one.find('state').getAttribute('data-state')));
  // On a machine that is busy with other things a page may be too late to say that it rings, and its offer ends: then
  // there is no race to look at, and the caller calls again.
  await expect(async () => {
    const phone = scene.call();
    try {
      await Promise.all([alice.is('ringing', 15_000), bob.is('ringing', 15_000)]);
      await pause(1_200);
      expect(await statesNow()).toEqual(['ringing', 'ringing']);
    } catch (error) {
      await phone.hangUp();
      throw error;
    }
  }).toPass({ timeout: 120_000 });

  // Clicked in the page, at the same instant of the same clock: Playwright's own clicks are tens of milliseconds apart.
  const instant = Date.now() + 300;
  const click = (when: number): void => {
    setTimeout(() => document.querySelector<HTMLElement>('[data-testid="accept"]')?.click(), when - Date.now());
  };
  await Promise.all([alice.page.evaluate(click, instant), bob.page.evaluate(click, instant)]);
  await expect.poll(statesNow).toContain('talking');
  await pause(1_000); // in which a second one would get it too

  const states = await statesNow();
  expect(states.filter((one) => one === 'talking'), `states of alice and bob: ${states.join(', ')}`).toHaveLength(1);
  const [winner, loser, name] = states[0] === 'talking' ? [alice, bob, 'Alice'] : [bob, alice, 'Bob'];
  await loser.is('ready');
  await loser.isTold(name);
  await winner.hears(tones.caller);
  await loser.hearsNoMore(tones.caller, 1);
});

test('a caller who hangs up stops the ringing within 200 ms', async ({ scene }) => {
  const alice = await scene.agent('alice');
  await alice.ready();
  const calls = await measured(async (attempt) => {
    await alice.backToReady();
    const capture = await scene.capture(`udp port ${scene.carillon.sipPort}`);
    const phone = scene.call();
    try {
      await alice.is('ringing', 45_000);
      await pause(500);
    } finally {
      await phone.hangUp();
    }
    await alice.is('ready');
    const gone = timeOfRequest(await capture.stop(), 'BYE');
    expect(took(gone, await alice.since('ready')), 'milliseconds from the BYE to the page').toBeLessThan(200);
    return attempt;
  });

  const records = await scene.records();
  await records.list(calls);
});

test('a declined call goes to the other agent and keeps its place', async ({ scene }) => {
  const [alice, bob] = await Promise.all([scene.agent('alice'), scene.agent('bob')]);
  await alice.ready();
  const phone = scene.call();
  await alice.is('ringing', 45_000);
  await alice.press('decline');
  await expect(alice.find('state')).not.toHaveAttribute('data-state', 'ringing');

  await bob.press('ready');
  await bob.answers();
  await bob.hears(tones.caller);
  expect(phone.over).toBe(false);
});

test('an agent who lets it ring is not responding, and ready again by one click', async ({ scene }) => {
  const alice = await scene.agent('alice');
  await alice.ready();
  const phone = scene.call();
  await alice.is('ringing', 45_000);
  await alice.is('notResponding', 60_000); // the ring timeout is 20 s
  expect(phone.over, 'the caller still waits').toBe(false);

  await alice.press('ready');
  await alice.answers();
  await alice.hears(tones.caller);
});
