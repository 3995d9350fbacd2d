// The one sentence, the page's title, and what is said aloud.

import { by, el, id, mark, say } from "./dom.js";
import { glyph } from "./glyph.js";
import { lasting, said, t, timeOf } from "./i18n.js";
import { exposedOf } from "./rows.js";
import { verdictOf } from "./verdict.js";

const SPOKEN_EVERY_MS = 5000;

/** `app` has board, link, now(). Called for each change, also in a tab that is not looked at: the title shows there. */
export function drawHeadline(app) {
  const { level, line, notes } = verdictOf(app.board, app.link, app.now());
  const text = sentence(line);
  if (by("verdict").dataset.level !== level || !by("verdict-mark").firstChild) by("verdict-mark").replaceChildren(glyph(level));
  mark(by("verdict"), "data-level", level);
  say(by("verdict-line"), text);
  say(by("verdict-notes"), [...more(app, level), ...notes.map(sentence)].join(" · "));
  say(document.querySelector("title"), level === "ok" ? `${text} – ${t("product")}` : `${MARK[level]} ${text}`);
  document.body.dataset.link = app.link.state;
  by("token-open").hidden = app.link.state !== "token" && app.link.state !== "forbidden";
}

const MARK = { note: "·", warn: "!", bad: "!!", off: "×" };

function sentence({ key, at, account, why, ...figures }) {
  if (at !== undefined) figures.at = timeOf(at);
  if (why !== undefined) figures.why = said(why);
  const told = t(key, figures);
  return account ? t("of_account", { account, sentence: told }) : told;
}

function* more(app, level) {
  if (level === "off") {
    if (app.link.heard) yield t("link_dated", { at: timeOf(app.now()) });
    return;
  }
  if (level === "ok") {
    const muted = [...app.board.calls.values()].filter(({ state }) => state === "muted" || state === "verified");
    yield t("all_well_more", { n: muted.length });
  }
}

/**
 * Says aloud what is exposed, one every five seconds at most: a flood must not talk over the one who works. Of what came
 * meanwhile and still is exposed the newest is said then.
 */
export class Announcer {
  #spoken = -Infinity;
  #waiting = null;
  #exposed = new Map();
  #news = [];

  heard(board) {
    const before = this.#exposed;
    this.#exposed = sentencesOf(board);
    this.#news.push(...[...this.#exposed.keys()].filter((key) => !before.has(key)));
    if (this.#news.length) this.#waiting ??= setTimeout(() => this.#speak(), Math.max(0, this.#spoken + SPOKEN_EVERY_MS - performance.now()));
  }

  #speak() {
    this.#waiting = null;
    const newest = this.#news.findLast((key) => this.#exposed.has(key));
    this.#news = [];
    if (newest === undefined) return;
    this.#spoken = performance.now();
    say(by("announce"), this.#exposed.get(newest));
  }
}

function sentencesOf(board) {
  const { calls, unseen } = exposedOf(board);
  return new Map([
    ...calls.map(({ account, ivrid, extensions }) => [`call ${account}/${ivrid}`, t("announced", { ivrid, extension: extensions[0] ?? "" })]),
    ...unseen.map(({ account, section_id }) => [`section ${account}/${section_id}`, t("announced_section", { id: section_id })]),
  ]);
}

const PARTS = [
  ["feed", { synced: "ok", syncing: "warn", stale: "bad", down: "bad" }],
  ["redis", { ok: "ok", away: "warn" }],
  ["api", { ok: "ok", failing: "bad" }],
  ["polling", { ok: "ok", failing: "warn", none: "note" }],
];

/** What all accounts share, shown where it is in trouble: whether it is well is not told. */
const SHARED = [["crm", "bad", "unheard"], ["audit", "warn", "unwritten"]];

/** Each part of each account, by mark and word. */
export function drawHealth(app) {
  const { accounts, problems = {} } = app.board.health;
  const shared = SHARED.filter(([part]) => problems[part]);
  const shown = Object.entries(accounts).map(([name, health]) => {
    const parts = health.owner ? PARTS.map(([part, levels]) => [part, levels[health[part]] ?? "note", health[part]]) : [["owner", "note", "standby"]];
    return el("div", { class: "health-account", role: "group", "aria-label": `${t("account")} ${name}` },
      el("h2", { class: "health-name" }, id(name)), drawParts(parts));
  });
  if (!shown.length) shown.push(el("p", { class: "quiet" }, t("health_unknown")));
  by("health").replaceChildren(...(shared.length ? [drawParts(shared)] : []), ...shown);
}

function drawParts(parts) {
  return el("ul", {}, parts.map(([part, level, state]) =>
    el("li", { class: `health-part level-${level}`, "data-part": part, "data-state": state },
      glyph(level), el("span", {}, t(`part_${part}`)), " ", el("b", {}, t(`health_${state}`)))));
}

/** How long, or nothing: a call that was never exposed shows no figure. */
export const exposureOf = (ms) => (ms > 0 ? lasting(ms) : "");
