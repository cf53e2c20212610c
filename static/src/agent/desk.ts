// Draws the desk: what is shown follows from the server's last desk message and
// from a few things that only the page knows. Nothing is kept here.
import { byId, setText, show, span } from "../shared/dom";
import { hasText, t } from "../shared/texts";
import type { Call, Caller, Desk, State } from "./protocol";

/** What the page knows beside the desk message. */
export interface Local {
  starting: boolean; // Ready was pressed
  accepting: string; // the offer that was accepted and not yet granted
}

type Panel = "connecting" | "waiting" | "ringing" | "talking" | "wrapUp" | "elsewhere";
const panels: Panel[] = ["connecting", "waiting", "ringing", "talking", "wrapUp", "elsewhere"];

export class DeskView {
  private readonly root = byId("desk");
  private panel: Panel = "connecting";
  private offset = 0; // server's clock minus ours, ms
  private desk: Desk | undefined;
  private wrapUpLength = 0;
  private wrapUpEnds = 0;

  /** Draws a state. */
  draw(desk: Desk, local: Local): void {
    if (desk !== this.desk) this.offset = desk.now - Date.now();
    this.desk = desk;
    const panel = panelOf(desk, this.panel);
    this.drawHead(desk);
    drawDevice(desk);
    for (const name of panels) show(byId(`panel-${name}`), name === panel);
    switch (panel) {
      case "waiting":
        this.drawWaiting(desk, local);
        break;
      case "ringing":
        this.drawRinging(desk, local);
        break;
      case "talking":
        this.drawTalking(desk);
        break;
      case "wrapUp":
        this.drawWrapUp(desk);
        break;
    }
    if (panel === "talking" || panel === "wrapUp") drawNext(desk.next || "ready");
    this.tick();
    if (panel !== this.panel) this.moveFocus(panel);
    this.panel = panel;
  }

  /** Draws what changes by itself: to be called a few times a second. */
  tick(): void {
    const desk = this.desk;
    if (!desk) return;
    const now = Date.now() + this.offset;
    const since = desk.state === "talking" && desk.call ? desk.call.connected || desk.call.started : desk.since;
    setText(byId("state-timer"), desk.state === "offline" || !since ? "" : span(now - since));
    if (desk.offer) {
      setText(byId("offer-waited"), span(desk.offer.waited + now - desk.since));
      const length = Math.max(1, desk.offer.expires - desk.since);
      byId<HTMLProgressElement>("offer-left").value = Math.max(0, (desk.offer.expires - now) / length);
    }
    if (desk.wrapUp) {
      const left = Math.max(0, this.wrapUpEnds - now);
      setText(byId("wrapup-left"), span(left + 999)); // 0:00 only when it is over
      byId<HTMLProgressElement>("wrapup-bar").value = left / Math.max(1, this.wrapUpLength);
    }
  }

  private drawHead(desk: Desk): void {
    this.root.dataset.state = desk.state;
    const state = byId("state");
    let text = t(`state.${desk.state}`);
    if (desk.state === "away" && desk.reason) text += ` – ${reasonText(desk.reason)}`;
    setText(state, text);
    state.dataset.state = desk.state;
  }

  private drawWaiting(desk: Desk, local: Local): void {
    const kind = waitingKind(desk);
    setText(byId("waiting-title"), t(`desk.waiting.${kind}.title`));
    const onTelephone = desk.device.kind !== "browser" && hasText(`desk.waiting.${kind}.telephone`);
    setText(byId("waiting-text"), t(`desk.waiting.${kind}.${onTelephone ? "telephone" : "text"}`, { Number: desk.device.number }));
    const ready = byId<HTMLButtonElement>("ready");
    show(ready, desk.state !== "ready");
    ready.disabled = local.starting;
    ready.setAttribute("aria-busy", String(local.starting));
    const again = desk.state === "notResponding" ? "desk.goReady" : "desk.ready";
    setText(byId("ready-label"), local.starting ? t("desk.gettingReady") : t(again));
    show(byId("away-group"), desk.state === "ready" || desk.state === "notResponding");
  }

  private drawRinging(desk: Desk, local: Local): void {
    if (!desk.offer) return;
    drawCaller("offer", desk.offer);
    const accepting = local.accepting === desk.offer.id;
    const onTelephone = desk.device.kind !== "browser";
    show(byId("accept"), !onTelephone);
    const where = byId("rings-on");
    if (onTelephone) {
      const phase = desk.offer.phase || "calling";
      setText(where, t(`desk.ringsOn.${phase}`, { Number: desk.device.number, Key: desk.offer.confirm }));
    }
    show(where, onTelephone);
    byId("accept").setAttribute("aria-disabled", String(accepting));
    show(byId("decline"), !accepting);
    setText(byId("accept-label"), t(accepting ? "desk.accepting" : "desk.accept"));
  }

  private drawTalking(desk: Desk): void {
    const call = desk.call;
    if (!call) return;
    if (call.direction === "in") drawCaller("call", call);
    else drawCalled(call);
    const talking = call.phase === "talking" || call.phase === "";
    show(byId("call-buttons"), talking);
    show(byId("call-phase"), !talking);
    show(byId("call-phase-dots"), call.phase !== "notReached");
    setText(byId("call-phase-text"), phaseText(call, desk.device.number));
    show(byId("recording"), call.recording);
    toggle("mute", call.muted, call.muted ? "desk.unmute" : "desk.mute");
    toggle("hold", call.held, call.held ? "desk.resume" : "desk.hold");
    const note = byId("call-note");
    let text = "";
    if (!talking) text = "";
    else if (call.held) text = t("desk.note.held");
    else if (call.callerHolds) text = t("desk.note.callerHolds");
    else if (call.muted) text = t("desk.note.muted");
    setText(note, text);
    show(note, text !== "");
  }

  private drawWrapUp(desk: Desk): void {
    if (!desk.wrapUp || desk.wrapUp.ends === this.wrapUpEnds) return;
    this.wrapUpEnds = desk.wrapUp.ends;
    this.wrapUpLength = desk.wrapUp.ends - desk.since;
  }

  /** The keyboard goes where the news is. Accept is the only button that gets
   * it: anything else could be hit by a key meant for what was there before. */
  private moveFocus(panel: Panel): void {
    if (panel === "connecting" || (panel === "waiting" && this.panel === "connecting")) return;
    if (panel === "ringing" && !byId("accept").hidden) {
      byId("accept").focus();
      return;
    }
    // Somebody may be typing a number.
    if (panel === "waiting" && byId("dial").contains(document.activeElement)) return;
    const element = byId(`panel-${panel}`);
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
  }
}

function panelOf(desk: Desk, now: Panel): Panel {
  if (!desk.leading) return "elsewhere";
  if (desk.call) return "talking";
  if (desk.offer) return "ringing";
  // State and call change in two messages: nothing is to flash up in between.
  if (desk.state === "talking" && (now === "ringing" || now === "talking")) return now;
  if (desk.state === "wrapUp" && desk.wrapUp) return "wrapUp";
  return "waiting";
}

function waitingKind(desk: Desk): string {
  const known: State[] = ["offline", "away", "ready", "notResponding"];
  if (desk.state === "ready" && desk.problems.length > 0) return "blocked";
  return known.includes(desk.state) ? desk.state : "ready";
}

function reasonText(reason: string): string {
  const id = `away.reason.${reason}`;
  return hasText(id) ? t(id) : reason;
}

function drawCaller(prefix: string, c: Caller): void {
  const main = c.fromName || c.from || t("desk.anonymous");
  setText(byId(`${prefix}-caller`), main);
  const number = byId(`${prefix}-number`);
  setText(number, c.from);
  show(number, c.fromName !== "" && c.from !== "");
  detail(`${prefix}-queue`, c.queue);
  detail(`${prefix}-to`, c.toName ? `${c.toName} (${c.to})` : c.to);
  detail(`${prefix}-keys`, c.keys);
}

/** Shows whom the agent calls. */
function drawCalled(call: Call): void {
  setText(byId("call-caller"), call.toName || call.to);
  const number = byId("call-number");
  setText(number, call.to);
  show(number, call.toName !== "" && call.to !== "");
  detail("call-queue", call.queue);
  detail("call-to", "");
  detail("call-keys", "");
}

function phaseText(call: Call, telephone: string): string {
  if (call.phase === "notReached") return hasText(`cause.${call.reason}`) ? t(`cause.${call.reason}`) : t("desk.phase.notReached");
  if (call.phase === "telephone" && call.confirm) return t("desk.phase.confirm", { Key: call.confirm });
  const id = `desk.phase.${call.phase}`;
  return hasText(id) ? t(id, { Number: telephone }) : "";
}

/** Says where calls ring that do not ring on the page. */
function drawDevice(desk: Desk): void {
  const onTelephone = desk.device.kind !== "browser";
  show(byId("device"), onTelephone);
  show(byId("sound"), !onTelephone);
  if (!onTelephone) return;
  const name = desk.device.name ? `${desk.device.number} – ${desk.device.name}` : desk.device.number;
  setText(byId("device-name"), name);
  setText(byId("device-text"), t(`desk.device.${desk.device.kind}`));
}

function detail(id: string, value: string): void {
  setText(byId(id), value);
  show(byId(`${id}-row`), value !== "");
}

function toggle(id: string, on: boolean, label: string): void {
  const button = byId(id);
  button.setAttribute("aria-pressed", String(on));
  button.classList.toggle("btn-warning", on);
  setText(byId(`${id}-label`), t(label));
}

function drawNext(next: string): void {
  for (const button of document.querySelectorAll<HTMLElement>("[data-next]")) {
    button.setAttribute("aria-pressed", String(button.dataset.next === next));
  }
}
