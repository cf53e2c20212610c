// Parts of a page that the server sends anew when they change: elements with data-part, whose page names the stream.
import { show } from "../shared/dom";

const retry = 5000; // ms until a stream is asked for again that the server, or what is before it, refused

/** Follows the stream of the page, if it has one. */
export function follow(): void {
  const page = document.querySelector<HTMLElement>("[data-stream]");
  if (page?.dataset.stream) open(page, page.dataset.stream);
  // A page that was left and comes back by the browser's cache opens a stream of its own.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}

function open(page: HTMLElement, address: string): void {
  const signedOut = document.getElementById("signed-out");
  // The browser connects again by itself when the network fails or the server ends the stream, but not when it is refused.
  const source = new EventSource(address);
  source.addEventListener("open", () => signedOut && show(signedOut, false));
  source.addEventListener("message", (event: MessageEvent<string>) => {
    const parts = JSON.parse(event.data) as Record<string, string>;
    for (const [key, html] of Object.entries(parts)) {
      const element = page.querySelector<HTMLElement>(`[data-part="${CSS.escape(key)}"]`);
      // The server has escaped what is in it; as anywhere else in its pages.
      if (element && element.innerHTML !== html) element.innerHTML = html;
    }
  });
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    window.setTimeout(() => open(page, address), retry);
    // Nothing typed into the page is lost: whoever signs in again beside it goes on here.
    fetch("/session", { cache: "no-store" })
      .then((response) => signedOut && show(signedOut, response.status === 401))
      .catch(() => undefined); // no network: nothing is known
  });
  window.addEventListener("pagehide", () => source.close());
}
