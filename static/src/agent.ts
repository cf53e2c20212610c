// The agent's page: joins the socket, the media connection and what is shown.
import { Devices } from "./agent/devices";
import { DeskView } from "./agent/desk";
import { Dial } from "./agent/dial";
import { Keypad } from "./agent/keypad";
import { Media } from "./agent/media";
import { notice, refusal } from "./agent/notices";
import { type Problem, Problems, telephoneProblems } from "./agent/problems";
import type { Desk, FromPage, FromServer } from "./agent/protocol";
import { Readiness } from "./agent/readiness";
import { Ring } from "./agent/ring";
import { Socket } from "./agent/socket";
import { Sound } from "./agent/sound";
import { byId, show } from "./shared/dom";

const todayDelay = 1500; // ms until the record of an ended call can be read
const socketPatience = 1500; // ms without a socket before the page says so

let desk: Desk | undefined;
let accepting = "";
let delivered = "";
let silent = false;
let signedOut = false;
let socketDownSince = Date.now();

const view = new DeskView();
const sound = new Sound(() => proofChanged());
const devices = new Devices({
  microphoneChanged() {
    // A call goes on with the new microphone at once.
    if (media.exists && (desk?.call || accepting)) void media.send(devices.microphone ?? null);
    proofChanged();
  },
  outputsChanged(speaker, ringer) {
    void sound.useDevice(ringer);
    for (const line of lines) {
      if ("setSinkId" in line) void line.setSinkId(speaker).catch(() => undefined);
    }
  },
});
const lines = [...document.querySelectorAll<HTMLAudioElement>("audio[data-line]")];
const media = new Media(lines, {
  offer: (id, sdp) => socket.send({ type: "media", id, sdp }),
  changed: () => draw(),
  silent(now) {
    if (now === silent) return;
    silent = now;
    draw();
  },
});
const socket = new Socket({
  message,
  fresh: () => !media.exists,
  up() {
    socketDownSince = 0;
    delivered = "";
    media.socketUp();
    draw();
  },
  down() {
    socketDownSince ||= Date.now();
    accepting = "";
    draw();
  },
  signedOut() {
    signedOut = true;
    // The server has let go of this page: nothing rings here, and nobody is heard.
    byId("desk").dataset.over = "";
    if (desk) {
      const { offer: _offer, call: _call, wrapUp: _wrapUp, ...rest } = desk;
      follow({ ...rest, state: "offline" });
    }
    draw();
  },
});
const readiness = new Readiness(socket, media, devices, sound, () => draw());
const ring = new Ring(sound);
const keypad = new Keypad((digit) => socket.send({ type: "key", digit }));
const dial = new Dial({
  find: (query) => socket.send({ type: "find", query }),
  call: (to, agent) => void place(to, agent),
});
const problems = new Problems((problem) => {
  sound.unlock();
  if (problem === "signedOut") location.href = "/login?next=%2Fagent";
  else if (problem !== "audio") {
    // The microphone was wanted for Ready, or for what is going on already.
    if (telephoneProblems.includes(problem as never)) ask({ type: "ready" });
    else if (desk && ["offline", "away", "notResponding"].includes(desk.state)) void readiness.press();
    else void devices.open();
  }
});

/** Calls somebody, as soon as there is a microphone and a connection for it. */
async function place(to: string, agent?: string): Promise<void> {
  if (!(await readiness.prepare())) return;
  const request: FromPage = { type: "dial", to };
  if (agent) request.agent = agent;
  if (!socket.send(request)) dial.fail("other");
}

function proofChanged(): void {
  readiness.prove();
  draw();
}

function message(m: FromServer): void {
  switch (m.type) {
    case "desk":
      follow(m);
      break;
    case "media":
      void media.answer(m.id, m.sdp);
      break;
    case "probe":
      readiness.prove(m.n);
      break;
    case "notice":
      if (m.code === "dial.telephone") dial.fail(`telephone.${m.params?.reason ?? ""}`);
      else if (m.code === "call.ended" && m.params?.phase === "notReached") dial.fail(m.params.reason ?? "");
      else notice(m.code, m.params);
      break;
    case "found":
      dial.answer(m.query, m.found);
      break;
    case "error":
      if (m.for === "media") media.refused();
      if (m.for === "accept") {
        accepting = "";
        if (!desk?.call) void media.send(null);
      }
      if (m.for === "dial") dial.fail(m.code);
      else if (m.for !== "media" && m.for !== "delivered") refusal(m.code);
      draw();
      break;
  }
}

/** Takes the server's state: sound first, then what is shown. */
function follow(next: Desk): void {
  const before = desk;
  desk = next;
  const call = next.leading ? next.call : undefined;
  const offer = next.leading && !call ? next.offer : undefined;
  readiness.follow(next);
  // Between the grant and the call there may be a message without either: the
  // microphone that was sent on the click stays.
  const granted = next.leading && next.state === "talking" && !call && accepting !== "";
  if (offer?.id !== accepting && !granted) accepting = "";
  const caller = call ?? offer;
  if (caller && next.device.kind === "browser") void media.useCodec(caller.codec);
  const onPage = next.device.kind === "browser";
  const microphone = onPage && (call || accepting) ? (devices.microphone ?? null) : null;
  if (microphone) microphone.enabled = !call?.muted;
  void media.send(microphone);
  const talking = call !== undefined && (call.phase === "talking" || call.phase === "");
  media.expect(onPage && talking && !call.held && !call.callerHolds);
  keypad.follow(talking ? call.id : "");
  dial.follow(next);
  if (offer && !accepting && onPage) ring.start(offer);
  else ring.stop();
  draw();
  if (offer && onPage && delivered !== offer.id) {
    delivered = offer.id;
    socket.send({ type: "delivered", offer: offer.id });
  }
  if (before?.call && !next.call) {
    window.setTimeout(() => document.body.dispatchEvent(new Event("desk-today")), todayDelay);
  }
}

function draw(): void {
  problems.draw(currentProblems(), desk?.device.number ?? "");
  if (desk) view.draw(desk, { starting: readiness.starting, accepting });
}

function currentProblems(): Problem[] {
  if (signedOut) return ["signedOut"];
  if (socketDownSince && Date.now() - socketDownSince > socketPatience) return ["socket"];
  const list: Problem[] = [];
  if (!desk?.leading) return list;
  if (desk.device.kind !== "browser") {
    list.push(...telephoneProblems.filter((one) => desk?.problems.includes(one)));
    return list;
  }
  const active = desk.state !== "offline" && desk.state !== "away" && desk.state !== "notResponding";
  if (devices.problem) list.push(devices.problem);
  else if (active && !readiness.starting && devices.microphone && !devices.live) list.push("microphone");
  if (active && sound.started && !sound.unlocked) list.push("audio");
  if (!readiness.starting && media.exists && !media.connected && media.downFor > socketPatience) list.push("media");
  if (silent) list.push("silent");
  if (active && list.length === 0 && desk.problems.includes("signalling")) list.push("signalling");
  return list;
}

function click(id: string, action: () => void): void {
  byId(id).addEventListener("click", action);
}

function ask(request: FromPage): void {
  socket.send(request);
}

click("ready", () => void readiness.press());
click("away", () => ask({ type: "away", reason: "" }));
for (const button of document.querySelectorAll<HTMLElement>("[data-away]")) {
  button.addEventListener("click", () => {
    byId<HTMLDetailsElement>("away-reasons").open = false;
    ask({ type: "away", reason: button.dataset.away ?? "" });
  });
}
click("accept", () => {
  const offer = desk?.offer;
  if (!offer || accepting) return;
  accepting = offer.id;
  // The microphone does not wait for the server: by the time the call is
  // granted its first packets are there.
  const microphone = devices.microphone;
  if (microphone) microphone.enabled = true;
  void media.send(microphone ?? null);
  ring.stop();
  if (!socket.send({ type: "accept", offer: offer.id })) accepting = "";
  draw();
});
click("decline", () => {
  const offer = desk?.offer;
  ring.stop();
  if (offer) ask({ type: "decline", offer: offer.id });
});
click("mute", () => {
  const on = !desk?.call?.muted;
  // Muting must not wait for the network; unmuting may.
  if (on && devices.microphone) devices.microphone.enabled = false;
  ask({ type: "mute", on });
});
click("hold", () => ask({ type: "hold", on: !desk?.call?.held }));
click("hangup", () => ask({ type: "hangup" }));
click("finish-wrapup", () => ask({ type: "endWrapUp" }));
click("extend-wrapup", () => ask({ type: "extendWrapUp", seconds: 30 }));
click("take-over", () => {
  sound.unlock();
  ask({ type: "takeOver" });
});
click("test-ring", () => sound.tryRinging());
for (const button of document.querySelectorAll<HTMLElement>("[data-next]")) {
  button.addEventListener("click", () => ask({ type: "next", state: button.dataset.next === "away" ? "away" : "ready" }));
}

const notify = byId("notify");
show(notify, "Notification" in window && Notification.permission === "default");
notify.addEventListener("click", () => {
  void Notification.requestPermission().then(() => show(notify, Notification.permission === "default"));
});

// A key that is held down must not press the button that appears next.
document.addEventListener("keydown", (event) => {
  if (event.repeat && (event.key === "Enter" || event.key === " ") && event.target instanceof HTMLButtonElement) {
    event.preventDefault();
  }
}, { capture: true });

window.addEventListener("pagehide", () => socket.send({ type: "leaving" }));
// A page out of the back-forward cache has lost its connections without
// knowing it.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

const level = byId("level");
const soundPanel = byId<HTMLDetailsElement>("sound");
window.setInterval(() => {
  if (soundPanel.open) level.style.transform = `scaleX(${sound.level(devices.microphone).toFixed(2)})`;
}, 80);
window.setInterval(() => view.tick(), 250);
window.setInterval(() => {
  readiness.tick();
  draw();
}, 1000);

socket.connect();
