// The WebSocket to the server: it comes back by itself, and says so.
import type { FromPage, FromServer } from "./protocol";

// The server probes every 2 s: a socket this long silent is dead, even if the
// browser has not noticed.
const silenceLimit = 8000; // ms
const shortestRetry = 200; // ms
const longestRetry = 3000; // ms
const closedSignedOut = 4401; // how the server closes the socket of a session that is over

export interface SocketEvents {
  message(message: FromServer): void;
  /** Whether the page has no media connection that could live on. */
  fresh(): boolean;
  up(): void;
  down(): void;
  /** The session has ended; the socket does not try any more. */
  signedOut(): void;
}

export class Socket {
  private ws: WebSocket | undefined;
  private failures = 0;
  private retry = 0;
  private lastHeard = 0;
  private over = false;

  constructor(private readonly events: SocketEvents) {
    window.setInterval(() => this.checkSilence(), 2000);
    window.addEventListener("online", () => this.reconnectNow());
  }

  /** Whether messages can be sent. */
  get open(): boolean {
    return this.ws?.readyState === WebSocket.OPEN;
  }

  connect(): void {
    if (this.over) return;
    window.clearTimeout(this.retry);
    const url = new URL("/ws", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const ws = new WebSocket(url);
    this.ws = ws;
    ws.onopen = () => {
      this.failures = 0;
      this.lastHeard = Date.now();
      this.send({ type: "hello", tab: tabId(), fresh: this.events.fresh() });
      this.events.up();
    };
    ws.onmessage = (event) => {
      this.lastHeard = Date.now();
      this.events.message(JSON.parse(String(event.data)) as FromServer);
    };
    ws.onclose = (event) => {
      if (this.ws === ws) this.lost(event.code === closedSignedOut);
    };
  }

  /** Sends a message, or returns false while the socket is down: what was asked
   * for then is shown again by the next desk message. */
  send(message: FromPage): boolean {
    if (!this.open) return false;
    this.ws?.send(JSON.stringify(message));
    return true;
  }

  private lost(signedOut = false): void {
    this.ws = undefined;
    this.events.down();
    this.failures++;
    if (signedOut || this.failures % 3 === 0) void this.checkSession();
    // All pages lose their sockets together when the server restarts: they
    // must not come back together.
    const delay = Math.min(longestRetry, shortestRetry * 2 ** Math.min(this.failures, 8));
    this.retry = window.setTimeout(() => this.connect(), shortestRetry + Math.random() * (delay - shortestRetry));
  }

  private reconnectNow(): void {
    if (this.open) {
      // The network has changed; whether this socket survived it is unknown.
      this.drop();
      return;
    }
    if (!this.ws) this.connect();
  }

  private checkSilence(): void {
    if (this.open && Date.now() - this.lastHeard > silenceLimit) this.drop();
  }

  private drop(): void {
    const ws = this.ws;
    if (!ws) return;
    ws.onclose = null;
    ws.onmessage = null;
    ws.close();
    this.lost();
  }

  private async checkSession(): Promise<void> {
    try {
      const response = await fetch("/session", { cache: "no-store" });
      if (response.status !== 401) return;
    } catch {
      return; // no network: nothing is known
    }
    this.over = true;
    window.clearTimeout(this.retry);
    this.events.signedOut();
  }
}

/** The tab's id: a reload keeps it. A duplicated tab copies the storage of the
 * first, so the id is out of it while a page is alive. */
function tabId(): string {
  current ??= sessionStorage.getItem("tab") ?? newId();
  sessionStorage.removeItem("tab");
  return current;
}

let current: string | undefined;
window.addEventListener("pagehide", () => {
  if (current) sessionStorage.setItem("tab", current);
});

function newId(): string {
  // crypto.randomUUID exists on secure pages only.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
