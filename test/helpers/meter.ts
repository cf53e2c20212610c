// Runs inside the page, before its own scripts: measures what comes out of the audio elements and notes every change of
// the agent's state with its time. It is handed to the browser as text, so it uses nothing from outside.

export interface PageHeard {
  /** Milliseconds since 1970. */
  time: number;
  /** RMS level, 0 to 1. */
  level: number;
  /** Which of the listed tones dominates, 0 when none does. */
  hz: number;
}

export interface PageState {
  time: number;
  state: string;
}

export interface Observed {
  heard: PageHeard[];
  states: PageState[];
  /** What was said in a notice that has perhaps gone by now. */
  notices: string[];
  /** When the page did nothing for longer than it is used to. */
  stalls: { from: number; to: number }[];
}

declare global {
  interface Window {
    observed: Observed;
  }
}

export function observe(listed: number[]): void {
  const silence = 0.005;
  const dominant = 0.5;
  const observed: Observed = { heard: [], states: [], notices: [], stalls: [] };
  window.observed = observed;

  const shareOf = (samples: Float32Array, rate: number, hz: number): number => {
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
    return energy === 0 ? 0 : (2 * (one * one + two * two - factor * one * two)) / (samples.length * energy);
  };

  let context: AudioContext | undefined;
  let stream: MediaStream | undefined;
  let track: MediaStreamTrack | undefined;
  let analyser: AnalyserNode | undefined;
  const attach = (): void => {
    const element = document.querySelector<HTMLAudioElement>('audio[data-testid="line-0"]');
    const now = element?.srcObject instanceof MediaStream ? element.srcObject : undefined;
    const live = now?.getAudioTracks()[0];
    if (now === undefined || live === undefined || (now === stream && live === track)) {
      return;
    }
    stream = now;
    track = live;
    context ??= new AudioContext();
    analyser = new AnalyserNode(context, { fftSize: 2048 });
    new MediaStreamAudioSourceNode(context, { mediaStream: now }).connect(analyser);
    void context.resume();
  };
  let measured = Date.now();
  const measure = (): void => {
    const now = Date.now();
    if (now - measured > 140) {
      observed.stalls.push({ from: measured, to: now });
    }
    measured = now;
    attach();
    if (analyser === undefined || context === undefined || context.state !== 'running') {
      return;
    }
    const samples = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(samples);
    const level = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    const rate = context.sampleRate;
    const hz = level < silence ? 0 : (listed.find((one) => shareOf(samples, rate, one) >= dominant) ?? 0);
    observed.heard.push({ time: Date.now(), level, hz });
  };
  setInterval(measure, 40);

  const watch = (): void => {
    const element = document.querySelector('[data-testid="state"]');
    if (element === null) {
      return;
    }
    const note = (): void => {
      const state = element.getAttribute('data-state') ?? '';
      if (observed.states.at(-1)?.state !== state) {
        observed.states.push({ time: Date.now(), state });
      }
    };
    note();
    new MutationObserver(note).observe(element, { attributes: true, attributeFilter: ['data-state'] });
    const notices = document.getElementById('notices');
    if (notices !== null) {
      const hear = (): unknown => observed.notices.push(notices.innerText);
      new MutationObserver(hear).observe(notices, { childList: true, subtree: true, characterData: true });
    }
  };
  document.addEventListener('DOMContentLoaded', watch);
}
