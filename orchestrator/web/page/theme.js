// Light or dark: as the system is, until it is chosen here. The choice is kept in localStorage.

const KEPT_AS = "mute-orchestrator.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export function begin() {
  const kept = localStorage.getItem(KEPT_AS);
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
}

export const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";

export function change() {
  const chosen = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = chosen;
  localStorage.setItem(KEPT_AS, chosen);
}
