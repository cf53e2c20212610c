// Short news below the desk: who took the call, why it ended.
import { byId, make } from "../shared/dom";
import { hasText, t } from "../shared/texts";

const shownFor = 15_000; // ms
const atMost = 3;

/** Shows what the server tells. */
export function notice(code: string, params: Record<string, string> = {}): void {
  let id = `desk.notice.${code}`;
  const values = { ...params };
  if (code === "call.ended") {
    id += `.${params.by ?? "system"}`;
    if (!hasText(id)) id = "desk.notice.call.ended.system";
    // Both parties end calls otherwise than by hanging up, too.
    if (params.reason && params.reason !== "hangup" && params.reason !== "cancelled") id = "desk.notice.call.ended.system";
    values.cause = params.reason && hasText(`cause.${params.reason}`) ? t(`cause.${params.reason}`) : "";
  }
  if (hasText(id)) add(t(id, values));
}

/** Shows that the server refused something. */
export function refusal(code: string): void {
  const id = `desk.error.${code}`;
  add(hasText(id) ? t(id) : t("desk.error.other", { code }));
}

function add(text: string): void {
  const box = byId("notices");
  const item = make("div", "panel px-4 py-2 flex items-center gap-3 text-sm");
  item.dataset.testid = "notice";
  const close = make("button", "btn btn-xs btn-ghost ms-auto", "✕");
  close.type = "button";
  close.setAttribute("aria-label", t("desk.dismiss"));
  close.addEventListener("click", () => item.remove());
  item.append(make("span", "", text), close);
  box.prepend(item);
  while (box.children.length > atMost) box.lastElementChild?.remove();
  window.setTimeout(() => item.remove(), shownFor);
}
