// The page's own sound: one AudioContext, which browsers lock until a click,
// plays the ringing and measures the microphone.

const ringPeriod = 3; // s

type SinkContext = AudioContext & { setSinkId?: (id: string) => Promise<void> };

export class Sound {
  private context: SinkContext | undefined;
  private ringing: AudioBufferSourceNode | undefined;
  private ringWanted = false;
  private sink = "";
  private meter: { track: MediaStreamTrack; source: AudioNode; analyser: AnalyserNode } | undefined;

  constructor(private readonly changed: () => void) {
    // One click or key anywhere unlocks sound, whatever it was meant for.
    for (const kind of ["pointerdown", "keydown"]) {
      document.addEventListener(kind, () => this.context && this.unlock(), { capture: true, passive: true });
    }
  }

  /** Whether the browser lets sound out. */
  get unlocked(): boolean {
    return this.context?.state === "running";
  }

  /** Whether unlock was ever called. */
  get started(): boolean {
    return this.context !== undefined;
  }

  /** Starts the sound; works within a click, or where the browser trusts the
   * page already. It may go on being locked: `unlocked` tells. */
  unlock(): void {
    if (!this.context) {
      this.context = new AudioContext();
      this.context.onstatechange = () => this.changed();
      void this.useDevice(this.sink);
    }
    // A locked context leaves this promise open for ever: it is not awaited.
    if (this.context.state !== "running") void this.context.resume().then(this.changed, () => undefined);
  }

  /** Chooses the device of the ringing; "" is the system's default. */
  async useDevice(id: string): Promise<void> {
    this.sink = id;
    try {
      await this.context?.setSinkId?.(id);
    } catch (error) {
      console.info("the ringing stays on its device", error);
    }
  }

  /** Rings until stopRinging. */
  ring(): void {
    if (this.ringWanted) return;
    this.ringWanted = true;
    this.playRing(true);
  }

  stopRinging(): void {
    this.ringWanted = false;
    this.ringing?.stop();
    this.ringing = undefined;
  }

  /** Rings once, for the agent to hear where. */
  tryRinging(): void {
    this.unlock();
    if (!this.ringWanted) this.playRing(false);
  }

  private playRing(loop: boolean): void {
    const context = this.context;
    if (!context) return;
    const source = context.createBufferSource();
    source.buffer = chime(context);
    source.loop = loop;
    source.connect(context.destination);
    source.start();
    if (loop) this.ringing = source;
  }

  /** The loudness of a microphone, 0–1. */
  level(track: MediaStreamTrack | undefined): number {
    if (!this.context || !track) return 0;
    if (this.meter?.track !== track) {
      this.meter?.source.disconnect();
      const analyser = new AnalyserNode(this.context, { fftSize: 1024 });
      const source = this.context.createMediaStreamSource(new MediaStream([track]));
      source.connect(analyser);
      this.meter = { track, source, analyser };
    }
    const samples = new Float32Array(this.meter.analyser.fftSize);
    this.meter.analyser.getFloatTimeDomainData(samples);
    let sum = 0;
    for (const s of samples) sum += s * s;
    const decibels = 10 * Math.log10(sum / samples.length + 1e-9);
    return Math.min(1, Math.max(0, (decibels + 60) / 55));
  }
}

/** Four falling bells, then a pause: a loop of the sound card's own, so that
 * it rings on evenly while the browser slows the page's timers down. */
function chime(context: AudioContext): AudioBuffer {
  const rate = context.sampleRate;
  const buffer = context.createBuffer(1, Math.round(ringPeriod * rate), rate);
  const samples = buffer.getChannelData(0);
  const bells = [783.99, 659.25, 523.25, 659.25]; // Hz
  // Partials of a bell: ratio to the strike note, loudness, decay in seconds.
  const partials = [[1, 1, 0.55], [2, 0.45, 0.35], [2.76, 0.2, 0.2], [5.4, 0.08, 0.1]] as const;
  for (const [i, frequency] of bells.entries()) {
    const start = Math.round(i * 0.28 * rate);
    for (let n = 0; start + n < samples.length; n++) {
      const s = n / rate;
      let value = 0;
      for (const [ratio, loudness, decay] of partials) {
        value += loudness * Math.exp(-s / decay) * Math.sin(2 * Math.PI * frequency * ratio * s);
      }
      const attack = Math.min(1, s / 0.004);
      samples[start + n] = (samples[start + n] ?? 0) + 0.22 * attack * value;
    }
  }
  return buffer;
}
