// The administrator's pages: what changes while a page is open, questions before something is deleted, fields that are
// there only when another says so.
import { copyButtons } from "./admin/copy";
import { follow } from "./admin/live";
import { dependentFields } from "./admin/fields";
import { trunkForm } from "./admin/trunk";

follow();
copyButtons();
dependentFields();
trunkForm();

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (!window.confirm(form.dataset.confirm)) event.preventDefault();
  });
}

// A link to a part that is folded opens it.
function unfold(): void {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
}
window.addEventListener("hashchange", unfold);
unfold();

// A form that was refused begins where something is wrong; what is folded there was opened by the server.
document.querySelector<HTMLElement>("[data-testid=form-problems]")?.scrollIntoView({ block: "nearest" });
