// The telephone keys of a call: buttons, and the keyboard while they are open.
import { byId, show } from "../shared/dom";

export class Keypad {
  private readonly panel = byId("keys");
  private readonly button = byId("keypad");
  private readonly sent = byId("keys-sent");
  private call = "";

  constructor(private readonly press: (digit: string) => void) {
    this.button.addEventListener("click", () => this.open(this.panel.hidden !== false));
    for (const key of this.panel.querySelectorAll<HTMLElement>("[data-key]")) {
      key.addEventListener("click", () => this.send(key.dataset.key ?? ""));
    }
    document.addEventListener("keydown", (event) => this.keydown(event));
  }

  /** Follows the call: each begins with the keypad closed and nothing sent. */
  follow(call: string): void {
    if (call === this.call) return;
    this.call = call;
    this.sent.textContent = "";
    this.open(false);
  }

  private open(open: boolean): void {
    show(this.panel, open);
    this.button.setAttribute("aria-expanded", String(open));
    this.button.classList.toggle("btn-active", open);
  }

  private send(digit: string): void {
    this.sent.textContent = ((this.sent.textContent ?? "") + digit).slice(-24);
    this.press(digit);
  }

  private keydown(event: KeyboardEvent): void {
    if (this.panel.hidden || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
    if (event.key === "Escape") {
      this.open(false);
      this.button.focus();
    } else if (/^[0-9*#]$/.test(event.key) && !event.repeat) {
      event.preventDefault();
      this.send(event.key);
    }
  }
}
