// Light or dark: as the system is, until it is chosen here. The choice is kept in the browser.

import { browser } from "./kept.js";

const system = matchMedia("(prefers-color-scheme: dark)");

export function begin() {
  const kept = browser.get("theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
}

export const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";

export function change() {
  const chosen = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = chosen;
  browser.set("theme", chosen);
}
