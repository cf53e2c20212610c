// What every page needs: htmx, the choice of colours, the viewer's time zone,
// menus that close.
import "htmx.org";
import { setCookie } from "./shared/cookie";

// The server shows times in this zone from the next page on.
setCookie("zone", Intl.DateTimeFormat().resolvedOptions().timeZone.replace(/[^A-Za-z0-9_+\-/]/g, ""));

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-theme-choice]")) {
  button.addEventListener("click", () => {
    const theme = button.dataset.themeChoice ?? "";
    setCookie("theme", theme);
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    for (const other of document.querySelectorAll<HTMLButtonElement>("[data-theme-choice]")) {
      other.setAttribute("aria-pressed", String(other.dataset.themeChoice === theme));
    }
  });
}

function closeMenus(except?: Node): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.dropdown[open]")) {
    if (!except || !menu.contains(except)) menu.open = false;
  }
}
document.addEventListener("click", (event) => closeMenus(event.target as Node));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenus();
});
