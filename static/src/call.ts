// The player of a call's recording: waveform, and a timeline whose times can be
// clicked.
import WaveSurfer from "wavesurfer.js";

const player = document.querySelector<HTMLElement>("[data-peaks]");
if (player) void start(player);

async function start(player: HTMLElement): Promise<void> {
  const audio = player.querySelector("audio");
  const waveform = player.querySelector<HTMLElement>(".waveform");
  const failed = player.querySelector<HTMLElement>(".player-error");
  if (!audio || !waveform || !failed) return;
  const fail = () => {
    failed.textContent = player.dataset.failed ?? "";
    failed.hidden = false;
  };
  audio.addEventListener("error", fail);
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-seek]")) {
    button.addEventListener("click", () => {
      audio.currentTime = Number(button.dataset.seek);
      void audio.play().catch(fail);
    });
  }
  try {
    const response = await fetch(player.dataset.peaks ?? "");
    if (!response.ok) throw new Error(`waveform: ${response.status}`);
    const { channels } = (await response.json()) as { channels: number[][] };
    draw(waveform, audio, channels, Number(player.dataset.duration));
  } catch {
    fail();
  }
}

function draw(container: HTMLElement, audio: HTMLAudioElement, peaks: number[][], duration: number): void {
  const colours = getComputedStyle(document.documentElement);
  const colour = (name: string) => colours.getPropertyValue(name).trim();
  const side = (progressColor: string) => ({
    height: 52, waveColor: colour("--color-secondary"), progressColor, barHeight: 1.6, barWidth: 2, barGap: 1, barRadius: 2,
  });
  WaveSurfer.create({
    container,
    media: audio,
    peaks,
    duration,
    cursorColor: colour("--color-base-content"),
    dragToSeek: true,
    normalize: false,
    cspNonce: document.body.dataset.nonce,
    splitChannels: peaks.map((_, i) => side(colour(i === 0 ? "--color-primary" : "--color-accent"))),
  });
}
