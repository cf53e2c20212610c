// Tones: made for the microphones and telephones of the tests, and found again
// in what the other side heard. Each party has a frequency of its own, so that
// one look at a recording says whose voice is in it and when.

import { writeFileSync } from 'node:fs';
import { type Sound, toALaw, writeWav } from './wav.ts';

/** The frequencies in use, far enough apart for windows of 50 ms. */
export const tones = { caller: 440, alice: 1000, bob: 1400 } as const;

/** Frequencies that nobody hears through a telephone of 8 kHz. */
export const highTones = { caller: 5000, alice: 6000 } as const;

const windowSeconds = 0.05;
/** Below this level (-46 dBFS) a window counts as silent, whatever it holds. */
const silence = 0.005;
/** Share of a window's energy that a tone must have to be the one that is heard. */
const dominant = 0.6;

/**
 * A tone of a whole number of seconds, so that it can be looped without a click. A pulsed one is on for 300 ms and off
 * for 200 ms: browsers take a steady tone for noise and suppress it, a pulsed one they leave alone.
 */
export function makeTone(hz: number, options: { rate?: number; seconds?: number; pulsed?: boolean } = {}): Sound {
  const { rate = 8000, seconds = 1, pulsed = false } = options;
  const out = new Float32Array(rate * seconds);
  for (let i = 0; i < out.length; i++) {
    const time = i / rate;
    const on = !pulsed || time % 0.5 < 0.3;
    out[i] = on ? 0.5 * Math.sin(2 * Math.PI * hz * time) : 0;
  }
  return { rate, channels: [out] };
}

export function writeTone(path: string, hz: number, options: { rate?: number; seconds?: number; pulsed?: boolean } = {}): string {
  writeWav(path, makeTone(hz, options));
  return path;
}

/** A tone as bare A-law bytes, which is what SIPp streams. */
export function writeALawTone(path: string, hz: number, seconds: number): string {
  const second = makeTone(hz).channels[0] ?? new Float32Array();
  const bytes = Buffer.from(Array.from(second, toALaw));
  writeFileSync(path, Buffer.concat(Array.from({ length: seconds }, () => bytes)));
  return path;
}

/** What one channel holds in one window of 50 ms. */
export interface Heard {
  /** Start of the window in seconds from the beginning of the sound. */
  at: number;
  /** RMS level, 0 to 1. */
  level: number;
  /** The frequency asked for that dominates the window, 0 when none does. */
  hz: number;
}

/** Walks through a channel and says, window by window, which of the given tones is heard. */
export function listen(sound: Sound, channel: number, hz: readonly number[]): Heard[] {
  const samples = sound.channels[channel];
  if (samples === undefined) {
    throw new Error(`the sound has ${sound.channels.length} channels, there is no channel ${channel}`);
  }
  const length = Math.round(sound.rate * windowSeconds);
  const heard: Heard[] = [];
  for (let start = 0; start + length <= samples.length; start += length) {
    const part = samples.subarray(start, start + length);
    const level = Math.sqrt(part.reduce((sum, sample) => sum + sample * sample, 0) / length);
    const found = level < silence ? undefined : hz.find((one) => shareOf(part, sound.rate, one) >= dominant);
    heard.push({ at: start / sound.rate, level, hz: found ?? 0 });
  }
  return heard;
}

/** Seconds in which the tone is heard in the channel, optionally between two times. */
export function secondsOf(sound: Sound, channel: number, hz: number, span: { from?: number; to?: number } = {}): number {
  const { from = 0, to = Infinity } = span;
  return listen(sound, channel, [hz]).filter((one) => one.hz === hz && one.at >= from && one.at < to).length * windowSeconds;
}

/** The longest time between two moments at which the tone is heard, seconds from the beginning of the sound. */
export function longestGap(sound: Sound, channel: number, hz: number): { from: number; to: number } {
  const times = listen(sound, channel, [hz]).filter((one) => one.hz === hz).map((one) => one.at);
  let gap = { from: 0, to: 0 };
  times.slice(1).forEach((to, i) => {
    const from = (times[i] ?? to) + windowSeconds;
    if (to - from > gap.to - gap.from) {
      gap = { from, to };
    }
  });
  return gap;
}

/** Length of a sound in seconds. */
export function lengthOf(sound: Sound): number {
  return (sound.channels[0]?.length ?? 0) / sound.rate;
}

/** The share of the energy of some samples that lies at a frequency, 0 to 1 (Goertzel's algorithm). */
function shareOf(samples: Float32Array, rate: number, hz: number): number {
  const factor = 2 * Math.cos((2 * Math.PI * hz) / rate);
  let one = 0;
  let two = 0;
  let energy = 0;
  for (const sample of samples) {
    const zero = sample + factor * one - two;
    two = one;
    one = zero;
    energy += sample * sample;
  }
  const power = one * one + two * two - factor * one * two;
  return energy === 0 ? 0 : (2 * power) / (samples.length * energy);
}
