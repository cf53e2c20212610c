// A capture file for SIPp's play_pcap_audio: a µ-law tone in packets of 20 ms, and one key by RFC 4733 in its midst.

import { makeTone } from './tone.ts';
import { toMuLaw } from './wav.ts';

const payloadMuLaw = 0;
const payloadKey = 101;
const samplesOfPacket = 160;
/** A key is held for 160 ms: 8 packets, and the last one is sent three times (RFC 4733 section 2.5.1.4). */
const packetsOfKey = 8;
const repeatsOfEnd = 2;

export function rtpCapture(options: { hz: number; seconds: number; key: number; keyAt: number }): Buffer {
  const second = Buffer.from(Array.from(makeTone(options.hz).channels[0] ?? [], toMuLaw));
  const keyFrom = Math.round(options.keyAt * 50);
  const frames: Buffer[] = [pcapHeader()];
  let sequence = 1000;
  for (let packet = 0; packet < options.seconds * 50; packet++) {
    const time = packet * samplesOfPacket;
    const into = packet - keyFrom;
    if (into < 0 || into >= packetsOfKey) {
      const at = time % second.length;
      frames.push(frame(packet * 20, rtp(payloadMuLaw, packet === 0, sequence++, time, second.subarray(at, at + samplesOfPacket))));
      continue;
    }
    const last = into === packetsOfKey - 1;
    for (let copy = 0; copy <= (last ? repeatsOfEnd : 0); copy++) {
      const event = Buffer.from([options.key, (last ? 0x80 : 0) | 10, 0, 0]);
      event.writeUInt16BE((into + 1) * samplesOfPacket, 2);
      // All packets of a key carry the time of its begin (section 2.4.1.3).
      frames.push(frame(packet * 20 + copy, rtp(payloadKey, into === 0, sequence++, keyFrom * samplesOfPacket, event)));
    }
  }
  return Buffer.concat(frames);
}

function rtp(payloadType: number, marker: boolean, sequence: number, timestamp: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head[0] = 0x80;
  head[1] = (marker ? 0x80 : 0) | payloadType;
  head.writeUInt16BE(sequence, 2);
  head.writeUInt32BE(timestamp, 4);
  head.writeUInt32BE(0x5155, 8);
  return Buffer.concat([head, payload]);
}

/** One captured frame; SIPp takes the addresses and ports from the call, not from here. */
function frame(milliseconds: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(16 + 14 + 20 + 8);
  const length = 14 + 20 + 8 + payload.length;
  head.writeUInt32LE(Math.floor(milliseconds / 1000), 0);
  head.writeUInt32LE((milliseconds % 1000) * 1000, 4);
  head.writeUInt32LE(length, 8);
  head.writeUInt32LE(length, 12);
  head.writeUInt16BE(0x0800, 28);
  head[30] = 0x45;
  head.writeUInt16BE(20 + 8 + payload.length, 32);
  head[38] = 64;
  head[39] = 17;
  head.set([127, 0, 0, 1, 127, 0, 0, 1], 42);
  head.writeUInt16BE(4000, 50);
  head.writeUInt16BE(4000, 52);
  head.writeUInt16BE(8 + payload.length, 54);
  return Buffer.concat([head, payload]);
}

function pcapHeader(): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(65535, 16);
  head.writeUInt32LE(1, 20);
  return head;
}
