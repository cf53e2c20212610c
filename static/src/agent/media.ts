// The one media connection of the tab: three lines of sound, kept between
// calls, brought back when the network fails.

const disconnectedLimit = 2000; // ms until ICE is restarted
const answerLimit = 5000; // ms to wait for the server's answer
const rebuildAfter = 8000; // ms without success until the connection is made anew
const silentLimit = 3000; // ms without packets in a call
const silentAgain = 10_000; // ms between two restarts for silence
const firstCodec = "PCMA"; // what the server asks for unless the page prefers another

export interface MediaEvents {
  /** Sends an offer; false while the socket is down. */
  offer(id: number, sdp: string): boolean;
  /** The connection came up or went down. */
  changed(connected: boolean): void;
  /** No packets come although they should, or they do again. */
  silent(silent: boolean): void;
}

export class Media {
  private pc: RTCPeerConnection | undefined;
  private main: RTCRtpTransceiver | undefined; // talks both ways, the others only listen
  private sender: RTCRtpSender | undefined;
  private receiver: RTCRtpReceiver | undefined;
  private offerId = 0;
  private sent = false;
  private answered = true;
  private codec = "";
  private wantedCodec = "";
  private preferred = ""; // stands first in offers
  private track: MediaStreamTrack | null = null;
  private downSince = 0;
  private disconnectTimer = 0;
  private answerTimer = 0;
  private expecting = false;
  private packets = 0;
  private heardAt = 0;
  private restartedAt = 0;

  constructor(
    private readonly lines: HTMLAudioElement[],
    private readonly events: MediaEvents,
  ) {
    window.setInterval(() => void this.watch(), 1000);
    window.addEventListener("online", () => this.restart());
  }

  get connected(): boolean {
    return this.pc?.connectionState === "connected";
  }

  /** For how long the connection has been down, ms. */
  get downFor(): number {
    return this.downSince ? Date.now() - this.downSince : 0;
  }

  /** Whether there is a connection, up or on its way. */
  get exists(): boolean {
    return this.pc !== undefined;
  }

  /** Makes the connection if there is none. */
  connect(): void {
    if (this.pc) return;
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.pc = pc;
    this.downSince = Date.now();
    const lines = this.lines.map((_, i) => pc.addTransceiver("audio", { direction: i === 0 ? "sendrecv" : "recvonly" }));
    this.main = lines[0];
    this.sender = lines[0]?.sender;
    this.receiver = lines[0]?.receiver;
    for (const [i, element] of this.lines.entries()) {
      const track = lines[i]?.receiver.track;
      if (!track) continue;
      element.srcObject = new MediaStream([track]);
      void element.play().catch(() => undefined); // locked: the page asks for a click
    }
    pc.onconnectionstatechange = () => this.stateChanged(pc);
    this.codec = "";
    this.prefer(firstCodec);
    void this.sender?.replaceTrack(this.track);
    void this.negotiate(false);
  }

  /** Ends the connection: another tab leads. */
  close(): void {
    window.clearTimeout(this.disconnectTimer);
    window.clearTimeout(this.answerTimer);
    if (!this.pc) return;
    this.pc.onconnectionstatechange = null;
    this.pc.close();
    this.pc = this.main = this.sender = this.receiver = undefined;
    for (const element of this.lines) element.srcObject = null;
    this.events.changed(false);
  }

  /** Makes the connection anew, as after the server has lost it. */
  rebuild(): void {
    if (!this.pc) return;
    this.close();
    this.connect();
  }

  /** Restarts ICE: the network has changed. */
  restart(): void {
    if (this.pc) void this.negotiate(true);
  }

  /** Sends an offer again that the socket could not carry. */
  socketUp(): void {
    if (this.pc && (!this.answered || !this.connected)) void this.negotiate(true);
  }

  /** Takes the server's answer to an offer. */
  async answer(id: number, sdp: string): Promise<void> {
    const pc = this.pc;
    if (!pc || id !== this.offerId || pc.signalingState !== "have-local-offer") return;
    window.clearTimeout(this.answerTimer);
    try {
      await pc.setRemoteDescription({ type: "answer", sdp });
      this.answered = true;
      const codec = this.wantedCodec;
      this.codec = "";
      await this.useCodec(codec);
    } catch (error) {
      console.warn("the server's answer cannot be used", error);
      window.setTimeout(() => this.rebuild(), 1000);
    }
  }

  /** The server refused an offer. */
  refused(): void {
    window.clearTimeout(this.answerTimer);
    window.setTimeout(() => this.rebuild(), 2000);
  }

  /** Chooses what is sent: PCMA, PCMU, G722 or opus. Browsers that cannot switch
   * between the encodings that were agreed on offer them anew, in another order. */
  async useCodec(name: string): Promise<void> {
    this.wantedCodec = name;
    if (!this.sender || !name || name === this.codec) return;
    const switched = await this.switchCodec(this.sender, name);
    if (name !== this.wantedCodec) return;
    if (switched || this.preferred === name) {
      this.codec = name;
      return;
    }
    // While an offer is on its way: once it is answered, this is called again.
    if (this.answered && this.prefer(name)) await this.negotiate(false);
  }

  /** Sends this microphone, or nothing. */
  async send(track: MediaStreamTrack | null): Promise<void> {
    if (this.track === track) return;
    this.track = track;
    await this.sender?.replaceTrack(track);
  }

  /** Says whether packets of the caller should be coming. */
  expect(packets: boolean): void {
    if (packets === this.expecting) return;
    this.expecting = packets;
    this.heardAt = Date.now();
    if (!packets) this.events.silent(false);
  }

  /** Switches without negotiation; false where the browser cannot. */
  private async switchCodec(sender: RTCRtpSender, name: string): Promise<boolean> {
    const parameters = sender.getParameters();
    const codec = parameters.codecs.find((c) => isCodec(c, name));
    const encoding = parameters.encodings[0] as (RTCRtpEncodingParameters & { codec?: RTCRtpCodec }) | undefined;
    if (!codec || !encoding) return false;
    encoding.codec = codec;
    try {
      await sender.setParameters(parameters);
    } catch (error) {
      console.info("this browser does not switch its codec", error);
      return false;
    }
    // A browser that does not know the field forgets it without a word.
    const now = sender.getParameters().encodings[0] as { codec?: RTCRtpCodec } | undefined;
    return now?.codec !== undefined && isCodec(now.codec, name);
  }

  /** Puts a codec first in further offers; false where the browser cannot. */
  private prefer(name: string): boolean {
    const codecs = RTCRtpReceiver.getCapabilities("audio")?.codecs ?? [];
    const wanted = codecs.filter((c) => isCodec(c, name));
    if (!this.main || wanted.length === 0) return false;
    try {
      this.main.setCodecPreferences([...wanted, ...codecs.filter((c) => !isCodec(c, name))]);
    } catch (error) {
      console.info("this browser keeps its order of codecs", error);
      return false;
    }
    this.preferred = name;
    return true;
  }

  private async negotiate(iceRestart: boolean): Promise<void> {
    const pc = this.pc;
    if (!pc) return;
    window.clearTimeout(this.answerTimer);
    this.answered = false;
    const id = ++this.offerId;
    try {
      const offer = await pc.createOffer({ iceRestart });
      if (id !== this.offerId || pc !== this.pc) return;
      await pc.setLocalDescription(offer);
      if (id !== this.offerId || pc !== this.pc) return;
    } catch (error) {
      console.warn("no offer could be made", error);
      return;
    }
    // The server is ICE-lite: it answers the browser's checks wherever they come
    // from, so the offer need not wait for candidates.
    this.sent = this.events.offer(id, pc.localDescription?.sdp ?? "");
    if (!this.sent) return;
    this.answerTimer = window.setTimeout(() => void this.negotiate(true), answerLimit);
  }

  private stateChanged(pc: RTCPeerConnection): void {
    if (pc !== this.pc) return;
    window.clearTimeout(this.disconnectTimer);
    switch (pc.connectionState) {
      case "connected":
        this.downSince = 0;
        this.heardAt = Date.now();
        break;
      case "disconnected":
        this.downSince ||= Date.now();
        this.disconnectTimer = window.setTimeout(() => this.restart(), disconnectedLimit);
        break;
      case "failed":
        this.downSince ||= Date.now();
        this.restart();
        break;
    }
    this.events.changed(this.connected);
  }

  /** Looks after the connection every second. */
  private async watch(): Promise<void> {
    const now = Date.now();
    if (!this.pc) return;
    if (this.downSince && this.sent && now - this.downSince > rebuildAfter) {
      this.rebuild();
      return;
    }
    if (!this.expecting || !this.connected) return;
    const packets = await this.received();
    if (packets !== this.packets) {
      this.packets = packets;
      this.heardAt = now;
      this.events.silent(false);
      return;
    }
    if (now - this.heardAt < silentLimit) return;
    this.events.silent(true);
    if (now - this.restartedAt > silentAgain) {
      this.restartedAt = now;
      this.restart();
    }
  }

  private async received(): Promise<number> {
    let packets = 0;
    const stats = await this.receiver?.getStats();
    stats?.forEach((entry: { type: string; packetsReceived?: number }) => {
      if (entry.type === "inbound-rtp") packets += entry.packetsReceived ?? 0;
    });
    return packets;
  }
}

function isCodec(codec: RTCRtpCodec, name: string): boolean {
  return codec.mimeType.toLowerCase() === `audio/${name.toLowerCase()}`;
}
