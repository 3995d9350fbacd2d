// What happened lately, the newest first.
//
// Guarantees: a line is made once, and taken away when it is no longer kept; what stands in it can be read whole.

import { by, el, id } from "./dom.js";
import { glyph } from "./glyph.js";
import { known, lasting, said, t, timeOf } from "./i18n.js";
import { EMPTY } from "./store.js";

/** Fields whose values are words, or sentences of the daemon's; what stands in the others is left as it is. */
const WORDED = new Set(["cause", "detail", "direction", "reason", "redis", "status", "verdict", "why"]);
const LEVELS = { debug: "note", info: "note", warning: "warn", error: "bad" };

export class Log {
  constructor({ app }) {
    this.app = app;
    this.host = by("log");
    this.lines = new Map();
  }

  draw() {
    const { log, health } = this.app.board;
    const several = Object.keys(health.accounts).length > 1;
    const looks = `${document.documentElement.lang} ${several}`;
    by("log-none").hidden = log.length > 0 || this.app.board === EMPTY;
    if (this.drawn === log && this.looks === looks) return;
    const kept = new Set(this.looks === looks ? log : []);
    Object.assign(this, { drawn: log, looks });
    for (const [entry, line] of this.lines) {
      if (kept.has(entry)) continue;
      line.remove();
      this.lines.delete(entry);
    }
    for (const entry of log) {
      if (this.lines.has(entry)) continue;
      this.lines.set(entry, lineOf(entry, several));
      this.host.prepend(this.lines.get(entry));
    }
  }
}

function lineOf({ at, event, level, account, fields }, several) {
  const mood = LEVELS[level] ?? "note";
  return el("div", { role: "listitem", class: `entry level-${mood}` },
    el("span", { class: "entry-level" }, glyph(mood)),
    el("b", { class: "entry-event" }, eventName(event)),
    el("time", { class: "figures quiet" }, timeOf(at)),
    el("span", { class: "entry-fields" }, fieldsOf(several ? { account, ...fields } : fields, account)));
}

/** The event in words; its name, where this page has none for it. */
export const eventName = (event) => (known(`event.${event}`) ? t(`event.${event}`) : event);

/** Its fields, as names and values. Milliseconds are told as times, what has words by them; a call can be opened. */
export function fieldsOf(fields, account) {
  return Object.entries(fields ?? {}).filter(([, value]) => value !== null && value !== "").flatMap(([name, value], n) => {
    const label = known(`field.${name}`) ? t(`field.${name}`) : name;
    return [n ? " " : "", el("span", { class: "field" }, el("i", {}, label), " ", told(name, value, account))];
  });
}

/** Opens the details of that call; `main` hears of the press. */
export function linkTo(account, ivrid) {
  return el("button", { type: "button", class: "link", "data-account": account, "data-ivrid": ivrid }, id(ivrid));
}

function told(name, value, account) {
  if (name === "ivrid") return linkTo(account, value);
  if (name === "calls" && Array.isArray(value)) return value.flatMap((ivrid, n) => [n ? ", " : "", linkTo(account, ivrid)]);
  if (name.endsWith("_ms")) return lasting(value);
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (WORDED.has(name)) return el("bdi", { class: "said" }, said(String(value)));
  return id(Array.isArray(value) ? value.join(", ") : String(value));
}
