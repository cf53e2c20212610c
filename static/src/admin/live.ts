// Parts of a page that the server sends anew when they change: elements with data-part, whose page names the stream.

/** Follows the stream of the page, if it has one. */
export function follow(): void {
  const page = document.querySelector<HTMLElement>("[data-stream]");
  if (!page?.dataset.stream) return;
  // The browser connects again by itself, also when the server ends the stream.
  const source = new EventSource(page.dataset.stream);
  source.addEventListener("message", (event: MessageEvent<string>) => {
    const parts = JSON.parse(event.data) as Record<string, string>;
    for (const [key, html] of Object.entries(parts)) {
      const element = page.querySelector<HTMLElement>(`[data-part="${CSS.escape(key)}"]`);
      // The server has escaped what is in it; as anywhere else in its pages.
      if (element && element.innerHTML !== html) element.innerHTML = html;
    }
  });
  // A page that was left and comes back by the browser's cache opens a stream of its own.
  window.addEventListener("pagehide", () => source.close());
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}
