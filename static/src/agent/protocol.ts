// The messages of docs/protocol.md as the page uses them.

export type State = "offline" | "away" | "ready" | "ringing" | "talking" | "wrapUp" | "notResponding";

/** What an offer and a call say about the caller. */
export interface Caller {
  id: string;
  from: string;
  fromName: string;
  to: string;
  toName: string;
  queue: string;
  keys: string;
  codec: string;
}

export interface Offer extends Caller {
  waited: number; // ms, when the offer was made
  expires: number;
  phase: "" | "calling" | "ringing" | "confirm"; // of a telephone
  confirm: string; // the key to press
}

/** Who can be called. */
export interface Found {
  agent?: string;
  number?: string;
  name: string;
  state?: State;
}

export interface Call extends Caller {
  direction: "in" | "out" | "internal";
  phase: "" | "telephone" | "calling" | "ringing" | "talking" | "notReached";
  confirm: string; // the key to press on the own telephone
  reason: string; // with notReached
  early: boolean;
  started: number;
  connected: number;
  muted: boolean;
  held: boolean;
  callerHolds: boolean;
  recording: boolean;
}

/** The whole state of the agent's desk, as the server sees it. */
export interface Desk {
  type: "desk";
  now: number;
  agent: { id: string; name: string };
  leading: boolean;
  state: State;
  reason: string;
  since: number;
  problems: string[];
  next: string;
  device: { kind: "browser" | "line" | "phone"; number: string; name: string };
  outside: boolean; // numbers beyond Carillon may be called
  offer?: Offer;
  call?: Call;
  wrapUp?: { ends: number };
}

export type FromServer =
  | Desk
  | { type: "media"; id: number; sdp: string }
  | { type: "probe"; n: number }
  | { type: "found"; query: string; found: Found[] }
  | { type: "notice"; code: string; params?: Record<string, string> }
  | { type: "error"; for: string; code: string };

export type FromPage =
  | { type: "hello"; tab: string; fresh: boolean }
  | { type: "media"; id: number; sdp: string }
  | { type: "proof"; n?: number; audio: boolean; microphone: boolean }
  | { type: "ready" | "hangup" | "endWrapUp" | "takeOver" | "leaving" }
  | { type: "away"; reason: string }
  | { type: "delivered" | "accept" | "decline"; offer: string }
  | { type: "mute" | "hold"; on: boolean }
  | { type: "key"; digit: string }
  | { type: "find"; query: string }
  | { type: "dial"; to: string; agent?: string }
  | { type: "extendWrapUp"; seconds: number }
  | { type: "next"; state: "ready" | "away" };
