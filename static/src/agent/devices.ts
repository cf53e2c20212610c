// The agent's microphone, loudspeaker and ringing device: each chosen
// separately, remembered, and replaced when it disappears.
import { byId, show } from "../shared/dom";
import { t } from "../shared/texts";

export type DeviceProblem = "" | "denied" | "absent" | "inUse" | "insecure" | "microphone";

type Kind = "microphone" | "speaker" | "ringer";
const kinds: Kind[] = ["microphone", "speaker", "ringer"];

export interface DeviceEvents {
  /** The microphone is another one, or has begun or ceased to work. */
  microphoneChanged(): void;
  /** Sound goes to these devices from now on; "" is the system's default. */
  outputsChanged(speaker: string, ringer: string): void;
}

interface Choice {
  id: string;
  label: string;
}

export class Devices {
  /** Why there is no microphone. */
  problem: DeviceProblem = "";
  private track: MediaStreamTrack | undefined;
  private pending: Promise<void> | undefined;
  private selects: Record<Kind, HTMLSelectElement>;

  constructor(private readonly events: DeviceEvents) {
    this.selects = {
      microphone: byId<HTMLSelectElement>("microphone"),
      speaker: byId<HTMLSelectElement>("speaker"),
      ringer: byId<HTMLSelectElement>("ringer"),
    };
    const outputs = "setSinkId" in HTMLMediaElement.prototype;
    show(byId("speaker-field"), outputs);
    show(byId("ringer-field"), outputs && "setSinkId" in AudioContext.prototype);
    for (const kind of kinds) this.selects[kind].addEventListener("change", () => void this.chosen(kind));
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.listChanged());
    void this.followPermission();
  }

  /** The microphone's track, if there is one. */
  get microphone(): MediaStreamTrack | undefined {
    return this.track;
  }

  /** Whether the microphone is there and neither it nor the system has cut it
   * off. The agent's own mute does not count: that is the call's. */
  get live(): boolean {
    return this.track?.readyState === "live" && !this.track.muted;
  }

  /** Takes the microphone if it is not held already; `problem` says how that
   * went. Calls that overlap share one request. */
  open(): Promise<void> {
    if (this.track?.readyState === "live") return Promise.resolve();
    this.pending ??= this.acquire().finally(() => (this.pending = undefined));
    return this.pending;
  }

  /** Lets go of the microphone. */
  close(): void {
    this.track?.stop();
    this.track = undefined;
  }

  private async acquire(): Promise<void> {
    if (!navigator.mediaDevices) {
      this.problem = "insecure";
      return;
    }
    const wanted = stored("microphone");
    const options: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    if (wanted.id) options.deviceId = { ideal: await this.currentId("audioinput", wanted) };
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: options });
      const track = stream.getAudioTracks()[0];
      if (!track) throw new DOMException("no track", "NotFoundError");
      this.track?.stop();
      this.track = track;
      this.problem = "";
      track.onended = () => void this.lost(track);
      track.onmute = track.onunmute = () => this.events.microphoneChanged();
      await this.list();
    } catch (error) {
      this.problem = problemOf(error);
    }
    this.events.microphoneChanged();
  }

  /** The track has ended: unplugged, or the permission was taken back. */
  private async lost(track: MediaStreamTrack): Promise<void> {
    if (track !== this.track) return;
    this.problem = "microphone";
    this.events.microphoneChanged();
    await this.open();
  }

  private async listChanged(): Promise<void> {
    if (this.track?.readyState !== "live" && this.problem) await this.open();
    await this.list();
  }

  private async followPermission(): Promise<void> {
    try {
      const status = await navigator.permissions.query({ name: "microphone" as PermissionName });
      status.onchange = () => {
        if (status.state === "granted" && this.problem === "denied") void this.open();
      };
    } catch {
      // Not every browser tells; the track's end does.
    }
  }

  /** Fills the selections. Labels are known only after the permission. */
  private async list(): Promise<void> {
    if (!this.track) return;
    const devices = await navigator.mediaDevices.enumerateDevices();
    for (const kind of kinds) {
      const select = this.selects[kind];
      const wanted = stored(kind);
      const fitting = devices.filter((d) => d.kind === (kind === "microphone" ? "audioinput" : "audiooutput"));
      const options = [new Option(t("desk.sound.default"), "")];
      for (const device of fitting) {
        if (device.deviceId === "default" || device.deviceId === "communications" || !device.deviceId) continue;
        options.push(new Option(device.label || device.deviceId.slice(0, 8), device.deviceId));
      }
      select.replaceChildren(...options);
      select.value = match(fitting, wanted) ?? "";
      select.disabled = false;
    }
    show(byId("sound-hint"), false);
    this.events.outputsChanged(this.selects.speaker.value, this.selects.ringer.value);
  }

  private async chosen(kind: Kind): Promise<void> {
    const select = this.selects[kind];
    const label = select.selectedOptions[0]?.textContent ?? "";
    localStorage.setItem(`device.${kind}`, JSON.stringify({ id: select.value, label: select.value ? label : "" }));
    if (kind !== "microphone") {
      this.events.outputsChanged(this.selects.speaker.value, this.selects.ringer.value);
      return;
    }
    // The former microphone stays until the new one is there.
    await (this.pending ?? Promise.resolve());
    this.pending = this.acquire().finally(() => (this.pending = undefined));
    await this.pending;
  }

  private async currentId(kind: MediaDeviceKind, wanted: Choice): Promise<string> {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return match(devices.filter((d) => d.kind === kind), wanted) ?? wanted.id;
  }
}

/** The device that was chosen: by id, or by name where the browser has given it
 * another id since. */
function match(devices: MediaDeviceInfo[], wanted: Choice): string | undefined {
  if (!wanted.id) return undefined;
  const found = devices.find((d) => d.deviceId === wanted.id) ?? devices.find((d) => d.label !== "" && d.label === wanted.label);
  return found?.deviceId;
}

function stored(kind: Kind): Choice {
  try {
    const choice = JSON.parse(localStorage.getItem(`device.${kind}`) ?? "{}") as Partial<Choice>;
    return { id: choice.id ?? "", label: choice.label ?? "" };
  } catch {
    return { id: "", label: "" };
  }
}

function problemOf(error: unknown): DeviceProblem {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "absent";
    case "NotReadableError":
    case "AbortError":
      return "inUse";
  }
  return "microphone";
}
