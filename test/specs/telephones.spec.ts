// Somebody else's telephone as a line, over every transport: it signs on, calls a queue and talks with alice, holds and comes
// back, hangs up, and is called from her desk.

import type { Baresip } from '../helpers/baresip.ts';
import { openBrowser, signIn } from '../helpers/agent.ts';
import { expect, type Scene, test } from '../helpers/fixtures.ts';
import { pause } from '../helpers/program.ts';
import { highTones, secondsOf, tones } from '../helpers/tone.ts';

const telephones = [
  { transport: 'udp', codec: 'G722/16000/1', sound: 'G.722', hz: highTones },
  { transport: 'tcp', codec: 'PCMU/8000/1', sound: 'µ-law', hz: tones },
  { transport: 'tls', codec: 'PCMA/8000/1', sound: 'A-law in SRTP', hz: tones },
] as const;

for (const { transport, codec, sound, hz } of telephones) {
  test(`a line over ${transport.toUpperCase()} talks in ${sound}`, async ({ scene }) => {
    const password = await addLine(scene, '207');
    const telephone = await scene.baresip({
      codec, hz: hz.caller, line: { number: '207', password, server: scene.carillon.address(transport), transport },
    });
    await telephone.program.prints(/200 OK .*binding/);
    const alice = await scene.agent('alice', { hz: hz.alice });
    await alice.ready();

    telephone.dial(`sip:1000@${scene.carillon.address(transport)};transport=${transport}`);
    await telephone.happens('CALL_ESTABLISHED');
    telephone.press('2');
    await alice.is('ringing', 45_000);
    await expect(alice.find('caller')).toContainText('Reception');
    await alice.press('accept');
    await alice.is('talking');
    await alice.hears(hz.caller);
    await pause(6_000);

    // Asked again: in a second in which the machine stands still there are fewer, and a hold takes a moment.
    const packets = (whom: string) => expect.poll(() => packetsTo(scene, telephone), { message: `packets a second to ${whom}` });
    await packets('who talks').toBeGreaterThan(35);
    telephone.hold();
    await packets('who holds').toBeLessThan(5);
    telephone.resume();
    await packets('who is back').toBeGreaterThan(35);
    await alice.hears(hz.caller);
    telephone.hangUp();
    await telephone.happens('CALL_CLOSED');
    await alice.is('ready');
    // The file is written to its end soon after the call's end was told.
    await expect(() => expect(secondsOf(telephone.heard(), 0, hz.alice), 'seconds of alice that the line heard').toBeGreaterThan(1.2)).toPass({ timeout: 15_000 });

    await alice.find('dial-to').fill('207');
    await alice.press('dial-call');
    await telephone.happens('CALL_INCOMING');
    telephone.accept();
    await alice.is('talking');
    await alice.hears(hz.caller);
    await alice.press('hangup');
    await alice.is('ready');
  });
}

/** RTP and RTCP that the telephone is sent in a second. */
async function packetsTo(scene: Scene, telephone: Baresip): Promise<number> {
  const capture = await scene.capture(`udp dst portrange ${telephone.rtpPort}-${telephone.rtpPort + 9}`);
  await pause(1_000);
  return (await capture.stop()).length;
}

/** Adds a line and returns the password that its page shows once. */
async function addLine(scene: Scene, number: string): Promise<string> {
  const { browser, context } = await openBrowser(scene.folder);
  const page = await context.newPage();
  await signIn(page, scene.carillon, 'admin');
  await page.goto(`${scene.carillon.http}/lines/new`);
  await page.getByTestId('number').fill(number);
  await page.getByTestId('name').fill('Reception');
  await page.getByTestId('save').click();
  const password = (await page.getByTestId('setting-password').innerText()).trim();
  await browser.close();
  return password;
}
