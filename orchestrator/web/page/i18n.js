// The page's words in the language chosen, and figures as that language writes them.
//
// Guarantees: the choice is kept in the browser, the default is the browser's; every text of the page comes from here
// but ids, and the sentences of the daemon's that are not known here.

import enLog from "./en-log.js";
import en from "./en.js";
import heLog from "./he-log.js";
import heSaid from "./he-said.js";
import he from "./he.js";
import { browser } from "./kept.js";

const LANGUAGES = {
  en: { words: { ...en, ...enLog }, dir: "ltr", said: [] },
  he: { words: { ...he, ...heLog }, dir: "rtl", said: heSaid.map(patterned) },
};

let language = "en";
let clock, minute, plural, figure;

export function begin() {
  const kept = browser.get("language");
  choose(kept in LANGUAGES ? kept : navigator.language.startsWith("he") ? "he" : "en");
}

/** The other language: its code and its name for itself. */
export const other = () => (language === "en" ? { code: "he", name: "עברית" } : { code: "en", name: "English" });

export function change() {
  choose(other().code);
  browser.set("language", language);
}

function choose(code) {
  language = code;
  document.documentElement.lang = code;
  document.documentElement.dir = LANGUAGES[code].dir;
  clock = new Intl.DateTimeFormat(code, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  minute = new Intl.DateTimeFormat(code, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  plural = new Intl.PluralRules(code);
  figure = new Intl.NumberFormat(code, { maximumFractionDigits: 1 });
  for (const at of document.querySelectorAll("[data-text]")) at.textContent = t(at.dataset.text);
  for (const at of document.querySelectorAll("[data-label]")) at.setAttribute("aria-label", t(at.dataset.label));
  for (const at of document.querySelectorAll("[data-hint]")) at.setAttribute("placeholder", t(at.dataset.hint));
}

/** The sentence of that key. {name} in it is a figure given; {n} chooses among its forms for one, two and others. */
export function t(key, figures = {}) {
  const found = LANGUAGES[language].words[key] ?? key;
  const form = typeof found === "string" ? found : (found[plural.select(figures.n ?? 0)] ?? found.other);
  return form.replace(/\{(\w+)\}/g, (_, name) => (typeof figures[name] === "number" ? figure.format(figures[name]) : (figures[name] ?? "")));
}

export const known = (key) => key in LANGUAGES[language].words;

const NESTED = new Set(["why", "cause"]);

/** What the daemon says, in this language: one of its words, or a sentence of its; as it is, where this page has none. */
export function said(text) {
  for (const key of [`value.${text}`, text]) if (known(key)) return t(key);
  for (const { pattern, sentence } of LANGUAGES[language].said) {
    const found = pattern.exec(text);
    if (found) return sentence.replace(/\{(\w+)\}/g, (_, name) => `\u2068${NESTED.has(name) ? said(found.groups[name]) : found.groups[name]}\u2069`);
  }
  return text;
}

/** {name} in the daemon's sentence is any text, which stands for {name} in ours. */
function patterned([english, sentence]) {
  const literal = english.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  return { pattern: new RegExp(`^${literal.replace(/\{(\w+)\}/g, "(?<$1>.+)")}$`), sentence };
}

/** Epoch seconds as a time of day. */
export const timeOf = (at) => clock.format(at * 1000);
export const minuteOf = (at) => minute.format(at * 1000);

export const count = (n) => figure.format(n);

/** 42 ms, 1.5 s, 3:05. */
export function lasting(ms) {
  if (ms < 1000) return t("ms", { n: Math.round(ms) });
  if (ms < 60_000) return t("s", { n: Math.round(ms / 100) / 10 });
  return minutes(ms / 1000);
}

/** Whole seconds, as on a stopwatch: 0:09, 12:34, 1:02:03. */
export function minutes(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const tail = `${two(s % 60)}`;
  return s < 3600 ? `${Math.floor(s / 60)}:${tail}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${tail}`;
}
