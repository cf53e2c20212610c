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
}

export interface Call extends Caller {
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
  offer?: Offer;
  call?: Call;
  wrapUp?: { ends: number };
}

export type FromServer =
  | Desk
  | { type: "media"; id: number; sdp: string }
  | { type: "probe"; n: number }
  | { type: "notice"; code: string; params?: Record<string, string> }
  | { type: "error"; for: string; code: string };

export type FromPage =
  | { type: "hello"; tab: string }
  | { type: "media"; id: number; sdp: string }
  | { type: "proof"; n?: number; audio: boolean; microphone: boolean }
  | { type: "ready" | "hangup" | "endWrapUp" | "takeOver" | "leaving" }
  | { type: "away"; reason: string }
  | { type: "delivered" | "accept" | "decline"; offer: string }
  | { type: "mute" | "hold"; on: boolean }
  | { type: "key"; digit: string }
  | { type: "extendWrapUp"; seconds: number }
  | { type: "next"; state: "ready" | "away" };
