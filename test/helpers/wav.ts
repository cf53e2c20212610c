// WAV files as the tests need them: 16 bit PCM, G.711 A-law and µ-law, any
// number of channels. A file whose sizes were never filled in (its writer was
// killed) is read to its end, because that is what a player does with it too.

import { readFileSync, writeFileSync } from 'node:fs';

export interface Sound {
  /** Samples a second. */
  rate: number;
  /** One array a channel, samples between -1 and 1. */
  channels: Float32Array[];
}

const formatPCM = 1;
const formatALaw = 6;
const formatMuLaw = 7;
const formatExtensible = 0xfffe;

export function readWav(from: string | Buffer): Sound {
  const file = typeof from === 'string' ? readFileSync(from) : from;
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE') {
    throw new Error(`not a WAV file: it begins with ${JSON.stringify(file.toString('latin1', 0, 12))}`);
  }
  let format = 0;
  let channels = 0;
  let rate = 0;
  let bits = 0;
  for (let at = 12; at + 8 <= file.length; ) {
    const id = file.toString('latin1', at, at + 4);
    const size = file.readUInt32LE(at + 4);
    const body = at + 8;
    if (id === 'fmt ') {
      format = file.readUInt16LE(body);
      channels = file.readUInt16LE(body + 2);
      rate = file.readUInt32LE(body + 4);
      bits = file.readUInt16LE(body + 14);
      if (format === formatExtensible) {
        format = file.readUInt16LE(body + 24);
      }
    } else if (id === 'data') {
      const open = size === 0 || size === 0xffffffff;
      const end = open ? file.length : Math.min(file.length, body + size);
      return { rate, channels: split(decode(file.subarray(body, end), format, bits), channels) };
    }
    at = body + size + (size % 2);
  }
  throw new Error('a WAV file without a data chunk');
}

export function writeWav(path: string, sound: Sound): void {
  const channels = sound.channels.length;
  const samples = sound.channels[0]?.length ?? 0;
  const data = Buffer.alloc(samples * channels * 2);
  sound.channels.forEach((channel, c) => {
    channel.forEach((sample, i) => data.writeInt16LE(toPCM16(sample), (i * channels + c) * 2));
  });
  const head = Buffer.alloc(44);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(formatPCM, 20);
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(sound.rate, 24);
  head.writeUInt32LE(sound.rate * channels * 2, 28);
  head.writeUInt16LE(channels * 2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36, 'latin1');
  head.writeUInt32LE(data.length, 40);
  writeFileSync(path, Buffer.concat([head, data]));
}

function decode(data: Buffer, format: number, bits: number): Float32Array {
  if (format === formatPCM && bits === 16) {
    const out = new Float32Array(Math.floor(data.length / 2));
    for (let i = 0; i < out.length; i++) {
      out[i] = data.readInt16LE(i * 2) / 32768;
    }
    return out;
  }
  const law = format === formatALaw ? fromALaw : format === formatMuLaw ? fromMuLaw : undefined;
  if (law === undefined) {
    throw new Error(`WAV format ${format} with ${bits} bits is not read here`);
  }
  return Float32Array.from(data, law);
}

function split(samples: Float32Array, channels: number): Float32Array[] {
  if (channels < 1) {
    throw new Error('a WAV file without a format before its data');
  }
  const length = Math.floor(samples.length / channels);
  return Array.from({ length: channels }, (_, c) => {
    const out = new Float32Array(length);
    for (let i = 0; i < length; i++) {
      out[i] = samples[i * channels + c] ?? 0;
    }
    return out;
  });
}

function toPCM16(sample: number): number {
  return Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
}

/** A-law byte to a sample, ITU-T G.711 table 1a. */
export function fromALaw(byte: number): number {
  const bits = byte ^ 0x55;
  const exponent = (bits >> 4) & 7;
  const mantissa = bits & 15;
  const size = exponent === 0 ? (mantissa << 4) + 8 : ((mantissa << 4) + 0x108) << (exponent - 1);
  return (bits & 0x80 ? size : -size) / 32768;
}

/** µ-law byte to a sample, ITU-T G.711 table 2a. */
export function fromMuLaw(byte: number): number {
  const bits = ~byte & 0xff;
  const exponent = (bits >> 4) & 7;
  const size = (((bits & 15) << 3) + 0x84) << exponent;
  return (bits & 0x80 ? 0x84 - size : size - 0x84) / 32768;
}

/** A sample to its A-law byte, found by search: slow, and independent of the formula of any other encoder. */
export function toALaw(sample: number): number {
  return nearest(sample, aLawTable);
}

/** A sample to its µ-law byte, found by search. */
export function toMuLaw(sample: number): number {
  return nearest(sample, muLawTable);
}

const aLawTable = Float32Array.from({ length: 256 }, (_, byte) => fromALaw(byte));
const muLawTable = Float32Array.from({ length: 256 }, (_, byte) => fromMuLaw(byte));

function nearest(sample: number, table: Float32Array): number {
  let best = 0;
  table.forEach((value, byte) => {
    if (Math.abs(value - sample) < Math.abs((table[best] ?? 0) - sample)) {
      best = byte;
    }
  });
  return best;
}
