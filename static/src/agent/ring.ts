// Everything that calls the agent to the page when an offer comes: sound, the
// tab's title, a desktop notification.
import { t } from "../shared/texts";
import type { Offer } from "./protocol";
import type { Sound } from "./sound";

const flashEvery = 1000; // ms

export class Ring {
  private readonly title = document.title;
  private flash = 0;
  private notification: Notification | undefined;
  private offer = "";

  constructor(private readonly sound: Sound) {}

  /** Rings for an offer until stop. */
  start(offer: Offer): void {
    if (this.offer === offer.id) return;
    this.stop();
    this.offer = offer.id;
    this.sound.ring();
    const caller = offer.fromName || offer.from || t("desk.anonymous");
    const alert = t("desk.titleRinging", { Caller: caller });
    document.title = `● ${alert}`;
    this.flash = window.setInterval(() => {
      document.title = document.title === this.title ? `● ${alert}` : this.title;
    }, flashEvery);
    this.notify(caller, offer.queue);
  }

  stop(): void {
    if (!this.offer) return;
    this.offer = "";
    this.sound.stopRinging();
    window.clearInterval(this.flash);
    document.title = this.title;
    this.notification?.close();
    this.notification = undefined;
  }

  private notify(caller: string, queue: string): void {
    if (!("Notification" in window) || Notification.permission !== "granted" || document.hasFocus()) return;
    try {
      this.notification = new Notification(t("desk.notifyTitle", { Caller: caller }), {
        body: queue ? t("desk.notifyText", { Queue: queue }) : "",
        tag: "carillon-offer",
        requireInteraction: true,
        silent: true, // the page rings
      });
      this.notification.onclick = () => {
        window.focus();
        this.notification?.close();
      };
    } catch {
      // Browsers of telephones know no notifications of pages.
    }
  }
}
