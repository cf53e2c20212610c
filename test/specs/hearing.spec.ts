// The ears of the other tests, tested: a test that listens for a tone is worth
// nothing when the listener hears it everywhere or nowhere.

import { expect, test } from '@playwright/test';
import { lengthOf, listen, makeTone, secondsOf, tones } from '../helpers/tone.ts';
import { fromALaw, fromMuLaw, readWav, toALaw, toMuLaw, writeWav } from '../helpers/wav.ts';

test('a tone is found in its own channel and at its own time', async ({}, info) => {
  const silence = new Float32Array(8000);
  const caller = makeTone(tones.caller).channels[0]!;
  const alice = makeTone(tones.alice).channels[0]!;
  const path = info.outputPath('two.wav');
  writeWav(path, { rate: 8000, channels: [concat(caller, silence), concat(silence, alice)] });

  const sound = readWav(path);
  expect(lengthOf(sound)).toBe(2);
  expect(secondsOf(sound, 0, tones.caller)).toBeCloseTo(1, 1);
  expect(secondsOf(sound, 0, tones.caller, { from: 1 })).toBe(0);
  expect(secondsOf(sound, 1, tones.alice, { from: 1 })).toBeCloseTo(1, 1);
  expect(secondsOf(sound, 1, tones.caller)).toBe(0);
});

test('a mixture of two voices is neither of them, and noise is no tone', () => {
  const one = makeTone(tones.caller).channels[0]!;
  const two = makeTone(tones.alice).channels[0]!;
  const both = { rate: 8000, channels: [one.map((sample, i) => (sample + two[i]!) / 2)] };
  expect(secondsOf(both, 0, tones.caller)).toBe(0);
  let seed = 1;
  const noise = { rate: 8000, channels: [new Float32Array(8000).map(() => ((seed = (seed * 48271) % 2147483647) / 2147483647) - 0.5)] };
  expect(listen(noise, 0, Object.values(tones)).filter((one) => one.hz !== 0)).toEqual([]);
});

test('a pulsed tone is heard in its pulses', () => {
  const sound = makeTone(tones.bob, { seconds: 2, pulsed: true });
  expect(secondsOf(sound, 0, tones.bob)).toBeCloseTo(1.2, 1);
});

test('both laws of G.711 come back as they went', () => {
  for (let byte = 0; byte < 256; byte++) {
    expect(fromALaw(toALaw(fromALaw(byte)))).toBe(fromALaw(byte));
    expect(fromMuLaw(toMuLaw(fromMuLaw(byte)))).toBe(fromMuLaw(byte));
  }
  expect(fromALaw(0xd5)).toBeCloseTo(0, 3);
  expect(fromMuLaw(0xff)).toBeCloseTo(0, 6);
});

function concat(...parts: Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}
