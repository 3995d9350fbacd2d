// What happened lately, the newest first.

import { by, el, id, mark, say } from "./dom.js";
import { glyph } from "./glyph.js";
import { known, lasting, t, timeOf } from "./i18n.js";
import { EMPTY } from "./store.js";
import { Window } from "./window.js";

/** Fields of which the page has the values, too, as words: how a leg stands, and why something was done by hand. */
const WORDED = new Set(["direction", "status", "why"]);
const LEVELS = { debug: "note", info: "note", warning: "warn", error: "bad" };

export class Log {
  constructor({ app, schedule }) {
    this.app = app;
    this.window = new Window(by("log"), { role: "listitem", make: makeRow, draw: drawRow, schedule });
  }

  draw() {
    const { log, health } = this.app.board;
    const several = Object.keys(health.accounts).length > 1;
    if (this.drawn !== log) this.items = log.map((entry) => ({ key: entry.id, entry, several })).reverse();
    this.drawn = log;
    by("log-none").hidden = this.items.length > 0 || this.app.board === EMPTY;
    this.window.show(this.items);
  }
}

/** The event in words; its name, where this page has none for it. */
export const eventName = (event) => (known(`event.${event}`) ? t(`event.${event}`) : event);

/** Its fields, as names and values. Ids stay as they are; milliseconds are told as times, what has a word by its word. */
export function fieldsOf(fields) {
  return Object.entries(fields ?? {}).filter(([, value]) => value !== null && value !== "").map(([name, value]) => {
    const label = known(`field.${name}`) ? t(`field.${name}`) : name;
    return el("span", { class: "field" }, el("i", {}, label), " ", told(name, value));
  });
}

function told(name, value) {
  if (name.endsWith("_ms")) return lasting(value);
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (WORDED.has(name) && known(value)) return t(value);
  return id(Array.isArray(value) ? value.join(", ") : String(value));
}

function makeRow(element) {
  element.classList.add("entry");
  element.parts = {
    at: el("time", { class: "figures quiet" }),
    level: el("span", { class: "entry-level" }),
    event: el("b", { class: "entry-event" }),
    fields: el("span", { class: "entry-fields" }),
  };
  element.append(...Object.values(element.parts));
}

function drawRow(element, { entry, several }) {
  const language = document.documentElement.lang;
  if (element.entry === entry && element.language === language) return;
  Object.assign(element, { entry, language });
  const { parts } = element;
  const level = LEVELS[entry.level] ?? "note";
  mark(element, "class", `window-row entry level-${level}`);
  say(parts.at, timeOf(entry.at));
  parts.level.replaceChildren(glyph(level));
  say(parts.event, eventName(entry.event));
  parts.fields.replaceChildren(...fieldsOf(several ? { account: entry.account, ...entry.fields } : entry.fields));
}
