// What has to hold before calls may ring here: microphone, sound, media
// connection. The server decides; this brings it about and reports it.
import type { Devices } from "./devices";
import type { Media } from "./media";
import type { Desk, FromPage } from "./protocol";
import type { Socket } from "./socket";
import type { Sound } from "./sound";

const connectLimit = 15_000; // ms from the click until the page gives up
// How long the server may say that there is no media while the page thinks
// there is: then the server has lost the connection.
const disagreeLimit = 4000; // ms

export class Readiness {
  /** The agent has pressed Ready and it is not done yet. */
  starting = false;
  private disagreeSince = 0;
  private onTelephone = false; // calls do not ring on this page

  constructor(
    private readonly socket: Socket,
    private readonly media: Media,
    private readonly devices: Devices,
    private readonly sound: Sound,
    private readonly changed: () => void,
  ) {}

  /** Answers a probe, or tells unasked that something has changed. */
  prove(n?: number): void {
    const proof: FromPage = { type: "proof", audio: this.sound.unlocked, microphone: this.devices.live };
    if (n !== undefined) proof.n = n;
    this.socket.send(proof);
  }

  /** The click on Ready: everything that needs a click, then the wish itself. */
  async press(): Promise<void> {
    if (this.onTelephone) {
      this.socket.send({ type: "ready" });
      return;
    }
    if (await this.prepare()) this.socket.send({ type: "ready" });
  }

  /** Brings about what a call needs on this page; tells whether it is there. */
  async prepare(): Promise<boolean> {
    if (this.starting) return false;
    if (this.onTelephone) return true;
    this.starting = true;
    this.sound.unlock();
    this.changed();
    try {
      await this.devices.open();
      if (this.devices.problem) return false;
      this.media.connect();
      if (!(await this.connected())) return false;
      this.prove();
      return true;
    } finally {
      this.starting = false;
      this.changed();
    }
  }

  /** Brings sound and microphone back without a click, as after a reload. */
  async resume(): Promise<void> {
    if (!this.sound.started) this.sound.unlock();
    this.media.connect();
    if (!this.devices.problem) await this.devices.open();
  }

  /** Lets go of everything: another tab leads. */
  release(): void {
    this.media.close();
    this.devices.close();
  }

  /** Follows the server's state. */
  follow(desk: Desk): void {
    this.onTelephone = desk.device.kind !== "browser";
    if (!desk.leading || this.onTelephone) {
      this.release();
      this.disagreeSince = 0;
      return;
    }
    const active = desk.state === "ready" || desk.state === "ringing" || desk.state === "talking" || desk.state === "wrapUp";
    if (active || desk.call) void this.resume();
    if (!this.media.connected || !desk.problems.includes("media")) {
      this.disagreeSince = 0;
    } else {
      this.disagreeSince ||= Date.now();
    }
  }

  /** To be called every second. */
  tick(): void {
    if (!this.disagreeSince || Date.now() - this.disagreeSince < disagreeLimit || !this.socket.open) return;
    this.disagreeSince = 0;
    this.media.rebuild();
  }

  private async connected(): Promise<boolean> {
    const end = Date.now() + connectLimit;
    while (!this.media.connected && Date.now() < end && this.media.exists) {
      await new Promise((done) => window.setTimeout(done, 50));
    }
    return this.media.connected;
  }
}
