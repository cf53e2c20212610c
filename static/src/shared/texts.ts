// The page's texts, which the server puts into it as JSON in the user's
// language.

let texts: Record<string, string> | undefined;

function load(): Record<string, string> {
  const block = document.getElementById("texts");
  return block?.textContent ? (JSON.parse(block.textContent) as Record<string, string>) : {};
}

/** Tells whether there is a text of this id. */
export function hasText(id: string): boolean {
  texts ??= load();
  return id in texts;
}

/** The text of this id, its {{.Parameters}} filled in. */
export function t(id: string, params: Record<string, string> = {}): string {
  texts ??= load();
  const text = texts[id] ?? id;
  return text.replace(/\{\{\s*\.(\w+)\s*\}\}/g, (_, name: string) => params[name] ?? "");
}
