// Buttons that copy a value: data-copy names the element that has it.

/** Makes the page's copy buttons work. */
export function copyButtons(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-copy]")) {
    const element = document.getElementById(button.dataset.copy ?? "");
    if (!element) continue;
    button.addEventListener("click", () => void copy(button, element));
  }
}

async function copy(button: HTMLButtonElement, element: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(element.textContent ?? "");
  } catch {
    // Without HTTPS there is no clipboard: mark it, so that the keyboard can copy.
    getSelection()?.selectAllChildren(element);
    return;
  }
  const label = button.querySelector("span") ?? button;
  const before = label.textContent;
  label.textContent = button.dataset.copied ?? "";
  setTimeout(() => (label.textContent = before), 2000);
}
