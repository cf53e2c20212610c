// The form of a trunk: several addresses, destinations by one click, and examples that follow what is typed.

/** Brings the form of a trunk to life, if the page has one. */
export function trunkForm(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-trunk]");
  if (!form) return;
  const country = form.querySelector<HTMLSelectElement>('[name="outgoing.country"]');
  targets(form);
  presets(form);
  const update = (): void => {
    const chosen = country?.selectedOptions[0];
    countryPresets(form, chosen);
    examples(form, chosen);
    callerID(form, chosen);
  };
  form.addEventListener("input", update);
  update();
}

const value = (form: HTMLFormElement, name: string): string => {
  const found = new FormData(form).get(name);
  return typeof found === "string" ? found.trim() : "";
};

/** Rows of addresses: add, remove, move up. The server numbers them anew, so gaps do not matter; their order does. */
function targets(form: HTMLFormElement): void {
  const all = form.querySelector<HTMLElement>("[data-targets]");
  const rows = all?.querySelector<HTMLElement>("[data-rows]");
  const template = all?.querySelector("template");
  if (!all || !rows || !template) return;
  const renumber = (): void => {
    [...rows.children].forEach((row, i) => {
      for (const element of row.querySelectorAll<HTMLElement>("[name], [id], [for], [data-testid], [aria-describedby]")) {
        for (const attribute of ["name", "id", "for", "data-testid", "aria-describedby"]) {
          const old = element.getAttribute(attribute);
          if (old) element.setAttribute(attribute, old.replace(/targets\[\d+\]/g, `targets[${i}]`).replace(/field-targets-\d+-/g, `field-targets-${i}-`));
        }
      }
    });
  };
  all.addEventListener("click", (event) => {
    const button = (event.target as Element).closest("button");
    const row = button?.closest("[data-row]");
    if (button?.matches("[data-add]")) {
      rows.append(template.content.cloneNode(true));
      renumber();
      rows.lastElementChild?.querySelector("input")?.focus();
    } else if (button?.matches("[data-remove]") && row) {
      const before = row.previousElementSibling;
      row.remove();
      renumber();
      before?.querySelector("input")?.focus();
    } else if (button?.matches("[data-up]") && row?.previousElementSibling) {
      swap(row, row.previousElementSibling);
      row.previousElementSibling.querySelector("input")?.focus();
    }
  });
}

/** Exchanges what two rows have, which leaves their labels where they are. */
function swap(a: Element, b: Element): void {
  const fields = (row: Element) => [...row.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input, select")];
  const others = fields(b);
  fields(a).forEach((field, i) => {
    const other = others[i];
    if (other) [field.value, other.value] = [other.value, field.value];
  });
}

function presets(form: HTMLFormElement): void {
  for (const button of form.querySelectorAll<HTMLButtonElement>("button[data-preset]")) {
    button.addEventListener("click", () => {
      const field = form.querySelector<HTMLTextAreaElement>(`[name="${button.dataset.preset}"]`);
      if (!field) return;
      field.value = button.dataset.value ?? "";
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
    });
  }
}

/** Names the buttons of destinations after the country. */
function countryPresets(form: HTMLFormElement, country?: HTMLOptionElement): void {
  const calling = country?.dataset.calling ?? "";
  const name = (country?.textContent ?? "").replace(/ \(.*\)$/, "");
  const alone = form.querySelector<HTMLButtonElement>("[data-preset-country]");
  if (alone) {
    alone.hidden = !calling;
    alone.textContent = name;
    alone.dataset.value = calling;
  }
  const union = form.querySelector<HTMLButtonElement>("[data-union]");
  if (union) {
    const all = union.dataset.union ?? "";
    union.textContent = calling ? (union.dataset.and ?? "").replace("{}", name) : (union.dataset.alone ?? "");
    union.dataset.value = !calling || all.split(" ").includes(calling) ? all : `${calling} ${all}`;
  }
}

/** Spells a number of the form +… as a provider wants it. */
function spell(number: string, form: string, country?: HTMLOptionElement): string {
  if (!number.startsWith("+")) return number;
  const digits = number.slice(1);
  const calling = country?.dataset.calling?.slice(1) ?? "";
  switch (form) {
    case "digits":
      return digits;
    case "zeros":
      return `00${digits}`;
    case "national": {
      // The example shows whether the country has a trunk prefix, such as the 0 of France.
      const plus = country?.dataset.plus?.slice(1 + calling.length) ?? "";
      const national = country?.dataset.national ?? "";
      const prefix = plus && national.endsWith(plus) ? national.slice(0, national.length - plus.length) : "";
      return calling && digits.startsWith(calling) ? prefix + digits.slice(calling.length) : number;
    }
  }
  return number;
}

function examples(form: HTMLFormElement, country?: HTMLOptionElement): void {
  for (const element of form.querySelectorAll<HTMLElement>("[data-example]")) {
    element.textContent = spell(country?.dataset.plus ?? "+33123456789", element.dataset.example ?? "", country);
  }
}

/** Shows what the provider is told about who calls. */
function callerID(form: HTMLFormElement, country?: HTMLOptionElement): void {
  const sample = form.querySelector<HTMLElement>("[data-sample]");
  if (!sample) return;
  const typed = value(form, "callerId.number").replace(/[\s.\-()/]/g, "");
  const number = spell(typed || country?.dataset.plus || "+33123456789", value(form, "outgoing.form"), country);
  const host = value(form, "domain") || value(form, "targets[0].host") || "sip.example.com";
  const name = value(form, "callerId.name");
  const shown = name ? `"${name}" ` : "";
  const told = `<sip:${number}@${host}>`;
  const lines: string[] = [];
  switch (value(form, "callerId.header")) {
    case "account":
      lines.push(`From: ${shown}<sip:${value(form, "username") || "account"}@${host}>`, `P-Asserted-Identity: ${shown}${told}`);
      break;
    case "from":
      lines.push(`From: ${shown}${told}`);
      break;
    case "preferred":
      lines.push(`From: ${shown}${told}`, `P-Preferred-Identity: ${shown}${told}`);
      break;
    default:
      lines.push(`From: ${shown}${told}`, `P-Asserted-Identity: ${shown}${told}`);
  }
  const text = lines.join("\n");
  if (sample.textContent !== text) sample.textContent = text;
}
