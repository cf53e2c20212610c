// Wide sound: a telephone that speaks G.722 and an agent hear of each other what no telephone of 8 kHz carries.

import { expect, test } from '../helpers/fixtures.ts';
import { pause } from '../helpers/program.ts';
import { highTones, secondsOf } from '../helpers/tone.ts';

test('baresip calls in G.722 and hears alice at 6 kHz, as she hears it at 5 kHz', async ({ scene }) => {
  const alice = await scene.agent('alice', { hz: highTones.alice });
  await alice.ready();
  const phone = await scene.baresip({ codec: 'G722/16000/1', hz: highTones.caller });
  phone.dial(scene.carillon.uri());
  await phone.happens('CALL_ESTABLISHED');
  phone.press('2');

  await alice.answers();
  await alice.hears(highTones.caller);
  await pause(6_000);
  phone.hangUp();
  await phone.happens('CALL_CLOSED');
  await phone.stop();
  expect(phone.heard().rate, 'rate of what the telephone recorded').toBe(16_000);
  expect(secondsOf(phone.heard(), 0, highTones.alice), 'seconds of alice that the caller heard').toBeGreaterThan(1.2);
});
