// Calling somebody from the desk: a field for numbers and names, what was found
// below it, and telephone keys.
import { byId, make, setText, show } from "../shared/dom";
import { hasText, t } from "../shared/texts";
import type { Desk, Found } from "./protocol";

const pause = 150; // ms without typing before a search

export interface DialEvents {
  find(query: string): void;
  call(to: string, agent?: string): void;
}

export class Dial {
  private readonly panel = byId("dial");
  private readonly field = byId<HTMLInputElement>("dial-to");
  private readonly list = byId("dial-found");
  private readonly error = byId("dial-error");
  private readonly pad = byId("dial-keys");
  private readonly padButton = byId("dial-pad");
  private found: Found[] = [];
  private active = -1;
  private chosen: Found | undefined; // whose name is in the field
  private timer = 0;

  constructor(private readonly events: DialEvents) {
    this.field.addEventListener("input", () => this.typed());
    this.field.addEventListener("focus", () => this.search(0));
    this.field.addEventListener("keydown", (event) => this.keydown(event));
    this.field.addEventListener("blur", () => window.setTimeout(() => this.close(), pause));
    byId("dial-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.padButton.addEventListener("click", () => {
      const open = this.pad.hidden !== false;
      show(this.pad, open);
      this.padButton.setAttribute("aria-expanded", String(open));
      this.close();
    });
    for (const key of this.pad.querySelectorAll<HTMLElement>("[data-dial]")) {
      key.addEventListener("click", () => {
        this.field.value += key.dataset.dial ?? "";
        this.chosen = undefined;
        this.fail("");
      });
    }
  }

  /** Follows the server's state: there is a field while no call is there. */
  follow(desk: Desk): void {
    const free = desk.leading && !desk.call && !desk.offer && desk.state !== "talking" && desk.state !== "ringing";
    show(this.panel, free);
    setText(byId("dial-hint"), t(desk.outside ? "desk.dial.hint" : "desk.dial.hintInside"));
    if (!free) this.close();
    if (desk.call?.phase === "talking" && desk.call.direction !== "in") this.clear();
  }

  /** Shows in words why a call did not come to be; "" takes that away. */
  fail(code: string): void {
    let text = "";
    if (code) {
      const own = `desk.dial.error.${code}`;
      const cause = `cause.${code}`;
      const refusal = `desk.error.${code}`;
      const problem = `desk.problem.${code}.title`;
      text = t("desk.error.other", { code });
      for (const id of [problem, refusal, cause, own]) if (hasText(id)) text = t(id, { Number: "" });
    }
    setText(this.error, text);
    show(this.error, text !== "");
    this.field.setAttribute("aria-invalid", String(text !== ""));
  }

  /** Takes what the server found. */
  answer(query: string, found: Found[]): void {
    if (query !== this.field.value.trim() || document.activeElement !== this.field) return;
    this.found = found;
    this.active = -1;
    this.list.replaceChildren(...found.map((one, i) => this.option(one, i)));
    this.open(found.length > 0);
  }

  private clear(): void {
    this.field.value = "";
    this.chosen = undefined;
    this.fail("");
  }

  private typed(): void {
    this.chosen = undefined;
    this.fail("");
    this.search(pause);
  }

  private search(after: number): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.events.find(this.field.value.trim()), after);
  }

  private option(one: Found, i: number): HTMLElement {
    const item = make("li", "flex items-center gap-3 px-3 py-2 rounded-field cursor-pointer hover:bg-base-200 aria-selected:bg-base-200");
    item.id = `dial-found-${i}`;
    item.setAttribute("role", "option");
    item.dataset.testid = "dial-option";
    const name = make("span", "grow min-w-0 truncate", one.name || one.number || "");
    item.append(name);
    if (one.agent) {
      item.append(make("span", "text-sm text-base-content/70", one.state ? t(`state.${one.state}`) : ""));
    } else if (one.name) {
      item.append(make("span", "text-sm tabular text-base-content/70", one.number ?? ""));
    }
    // Before the field loses the keyboard.
    item.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.choose(one);
    });
    return item;
  }

  private choose(one: Found): void {
    this.chosen = one;
    this.field.value = one.agent ? one.name : (one.number ?? "");
    this.fail("");
    this.close();
    this.field.focus();
  }

  private open(open: boolean): void {
    show(this.list, open);
    this.field.setAttribute("aria-expanded", String(open));
    if (!open) this.field.removeAttribute("aria-activedescendant");
  }

  private close(): void {
    window.clearTimeout(this.timer);
    this.active = -1;
    this.open(false);
  }

  private move(by: number): void {
    const options = [...this.list.children];
    if (options.length === 0) return;
    this.active = (this.active + by + options.length + (this.active < 0 && by < 0 ? 1 : 0)) % options.length;
    for (const [i, option] of options.entries()) option.setAttribute("aria-selected", String(i === this.active));
    options[this.active]?.scrollIntoView({ block: "nearest" });
    this.field.setAttribute("aria-activedescendant", `dial-found-${this.active}`);
  }

  private keydown(event: KeyboardEvent): void {
    if (this.list.hidden) {
      if (event.key === "ArrowDown") this.search(0);
      return;
    }
    const one = this.found[this.active];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") this.move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && one) this.choose(one);
    else return;
    event.preventDefault();
  }

  private submit(): void {
    this.close();
    const text = this.field.value.trim();
    if (text === "") {
      this.field.focus();
      return;
    }
    this.fail("");
    const one = this.chosen ?? this.only(text);
    if (one?.agent) this.events.call("", one.agent);
    else this.events.call(one?.number ?? text);
  }

  /** A name that was typed in full means who has it. */
  private only(text: string): Found | undefined {
    const fits = this.found.filter((one) => one.name.toLowerCase() === text.toLowerCase());
    return fits.length === 1 ? fits[0] : undefined;
  }
}
