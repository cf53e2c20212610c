// Fields that matter only when another field has a value: data-when="name=value" hides them otherwise.

/** Shows and hides the dependent fields of all forms, now and at each change. */
export function dependentFields(): void {
  for (const form of document.querySelectorAll("form")) {
    const dependent = [...form.querySelectorAll<HTMLElement>("[data-when]")];
    if (dependent.length === 0) continue;
    const update = (): void => {
      const values = new FormData(form);
      for (const element of dependent) {
        element.hidden = !(element.dataset.when ?? "").split(" ").some((one) => {
          const [name = "", value = ""] = one.split("=");
          return values.get(name) === value;
        });
      }
    };
    form.addEventListener("change", update);
    update();
  }
}
