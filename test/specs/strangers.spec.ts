// What strangers send to any port changes nothing in a running call.

import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { expect, test } from '../helpers/fixtures.ts';
import { pause } from '../helpers/program.ts';
import { measured } from '../helpers/stalls.ts';
import { tones } from '../helpers/tone.ts';

test('garbage on every port while a call runs', async ({ scene }) => {
  const { carillon } = scene;
  const alice = await scene.agent('alice');
  await alice.ready();
  const phone = scene.call();
  await alice.answers();
  await alice.hears(tones.caller);

  await measured(async () => {
    const started = Date.now();
    for (let round = 0; round < 5; round++) {
      await garbageByUDP([carillon.sipPort, carillon.webrtcPort, ...range(carillon.rtpPort, 120)]);
      await garbageByTCP([carillon.sipPort, carillon.httpPort, carillon.webrtcPort]);
      await pause(300);
    }
    await alice.page.evaluate(garbageByWebSocket, `ws://127.0.0.1:${carillon.httpPort}/ws`);
    await pause(2_000);
    expect(await alice.heardShare(tones.caller, started, Date.now()), 'share of the time in which the caller was heard').toBeGreaterThan(0.95);
  });

  expect(carillon.running, 'the server runs').toBe(true);
  expect(phone.over, 'the caller is still in the call').toBe(false);
  await alice.is('talking');
  await alice.press('hangup');
  expect((await phone.result()).answered).toBe(true);
});

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** Random bytes, something like RTP with a voice that nobody has, and the beginnings of SIP and STUN messages. */
async function garbageByUDP(ports: number[]): Promise<void> {
  const socket = createSocket('udp4');
  const voice = Buffer.concat([Buffer.from([0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4]), randomBytes(160)]);
  const stun = Buffer.concat([Buffer.from([0, 1, 0, 88, 0x21, 0x12, 0xa4, 0x42]), randomBytes(100)]);
  const sip = Buffer.from('INVITE sip:1000@127.0.0.1 SIP/2.0\r\nContent-Length: 99999999999\r\nVia: ;;;\r\n\r\n');
  for (const port of ports) {
    for (const message of [randomBytes(1), randomBytes(1_200), voice, stun, sip]) {
      socket.send(message, port, '127.0.0.1');
    }
  }
  await pause(100);
  socket.close();
}

async function garbageByTCP(ports: number[]): Promise<void> {
  for (const port of ports) {
    for (const message of [randomBytes(4_000), 'GET / HTTP/1.1\r\nHost: \0\r\n', 'INVITE sip:1000@127.0.0.1 SIP/2.0\r\nContent-Length: -5\r\n\r\n']) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.end(message);
    }
  }
  await pause(100);
}

/** In the page, so that the session's cookie is sent along: messages that are no protocol of ours. */
function garbageByWebSocket(url: string): Promise<void> {
  const messages: (string | Uint8Array)[] = [
    'not json',
    '[]',
    '{"type":5}',
    '{"type":"hello","tab":{}}',
    '{"type":"accept","offer":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}',
    '{"type":"media","id":"x","sdp":"v=0"}',
    'x'.repeat(200_000),
    new Uint8Array(1_000),
  ];
  return Promise.all(
    messages.map(
      (message) =>
        new Promise<void>((resolve) => {
          const socket = new WebSocket(url);
          socket.onopen = () => {
            socket.send(message as string);
            setTimeout(() => {
              socket.close();
              resolve();
            }, 500);
          };
          socket.onerror = () => resolve();
        }),
    ),
  ).then(() => undefined);
}
