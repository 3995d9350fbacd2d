// The list of calls, its counters and its search.
//
// Guarantees: one element of the list is the selected one, by key: it stays so while rows move; the list is one stop of
// the tab key, within it the arrow keys move.

import { by, el, id, isolated, mark, say, tail } from "./dom.js";
import { glyph } from "./glyph.js";
import { exposureOf } from "./headline.js";
import { count, minutes, t, timeOf } from "./i18n.js";
import { counted, narrowed, rowsOf } from "./rows.js";
import { EMPTY } from "./store.js";
import { Window } from "./window.js";

const COUNTERS = ["exposed", "covered", "muted", "verified", "foreign", "releasing", "recorded", ""];

export class Calls {
  /** `open(row)` shows its details, `find(ivrid)` those of a call that has no row. */
  constructor({ app, schedule, open, find }) {
    Object.assign(this, { app, schedule, open, find });
    this.state = "";
    this.search = "";
    this.selected = null;
    this.all = [];
    this.rows = [];
    this.host = by("rows");
    const draw = (element, row) => this.#drawRow(element, row);
    this.window = new Window(this.host, { role: "option", make: makeRow, draw, schedule });
    this.host.addEventListener("keydown", (event) => this.#key(event));
    this.host.addEventListener("click", (event) => this.#click(event));
    by("search").addEventListener("input", (event) => this.#narrow({ search: event.target.value }));
    by("search").addEventListener("keydown", (event) => this.#searchKey(event));
    by("calls-ask").addEventListener("click", () => find(this.search.trim()));
    by("counters").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.#narrow({ state: this.state === button.dataset.state ? "" : button.dataset.state });
    });
    this.relabel();
  }

  relabel() {
    by("counters").replaceChildren(...COUNTERS.map((state) =>
      el("button", { type: "button", class: `counter state-${state || "all"}`, "data-state": state, "aria-pressed": "false", title: state ? t(`${state}_means`) : null },
        el("span", { class: "counter-name" }, state ? glyph(state) : null, el("span", {}, t(state || "all"))), " ",
        el("b", { class: "counter-n figures" }))));
    this.drawn = null;
  }

  draw() {
    const { board } = this.app;
    if (this.drawn !== board) {
      this.all = rowsOf(board);
      this.rows = narrowed(this.all, this.state, this.search);
      this.counts = counted(this.all);
      this.#drawCounters();
    }
    this.drawn = board;
    this.window.show(this.rows);
    const some = this.rows.length > 0;
    const whole = this.rows.length === this.all.length;
    const n = whole ? this.counts[""] : counted(this.rows)[""];
    say(by("calls-count"), board === EMPTY ? "" : whole ? t("calls_shown", { n }) : t("calls_found", { n, all: this.counts[""] }));
    by("rows-none").hidden = some || board === EMPTY;
    by("calls-ask").hidden = some || !this.#mayBeId;
    say(by("calls-ask"), t("call_ask", { ivrid: isolated(this.search.trim()) }));
    say(by("rows-none"), t(this.all.length ? "calls_not_found" : "calls_none"));
    this.#activate();
  }

  focus() {
    this.host.focus({ preventScroll: true });
  }

  get #mayBeId() {
    return /^\s*\S{4,}\s*$/.test(this.search);
  }

  #narrow({ state = this.state, search = this.search }) {
    Object.assign(this, { state, search, rows: narrowed(this.all, state, search) });
    this.host.scrollTop = 0;
    this.schedule();
  }

  #drawCounters() {
    for (const button of by("counters").children) {
      const n = this.counts[button.dataset.state];
      say(button.lastChild, this.app.board === EMPTY ? "–" : count(n));
      mark(button, "data-some", n > 0 ? "" : null);
    }
  }

  #drawRow(element, row) {
    const { parts } = element;
    const { now, board } = this.app;
    const several = Object.keys(board.health.accounts).length > 1;
    say(parts.since, row.since === null ? "" : minutes(now() - row.since));
    mark(element, "aria-selected", String(row.key === this.selected));
    const shows = JSON.stringify([document.documentElement.lang, several, row]);
    if (element.shows === shows) return;
    element.shows = shows;
    element.rowKey = row.key;
    element.className = `window-row row state-${row.state}`;
    parts.state.replaceChildren(glyph(row.state), el("span", {}, t(row.state)));
    say(parts.extension, several ? `${row.account}/${row.extension}` : row.extension);
    say(parts.ivrid, row.ivrid);
    const line = [row.direction, row.status].filter(Boolean).map((word) => t(word));
    if (!row.ivrid && row.state === "exposed") line.push(t("line_unseen"));
    say(parts.line, row.ivrid && !line.length ? t("line_none") : line.join(" · "));
    parts.section.replaceChildren(...row.sections.flatMap((section, n) => [n ? ", " : "", id(section)]));
    say(parts.exposure, exposureOf(row.exposure_ms));
    mark(element, "aria-label", [...labelOf(row)].join(" "));
  }

  #activate() {
    for (const button of by("counters").children) mark(button, "aria-pressed", String(button.dataset.state === this.state));
    const inView = this.window.rows.get(this.selected);
    mark(this.host, "aria-activedescendant", inView ? inView.id : null);
  }

  #click(event) {
    const element = event.target.closest(".window-row");
    const row = element && this.rows.find(({ key }) => key === element.rowKey);
    if (!row) return;
    this.selected = row.key;
    this.schedule();
    this.open(row);
  }

  #key(event) {
    const at = this.window.indexOf(this.selected);
    const last = this.rows.length - 1;
    const page = this.window.inView;
    const to = { ArrowDown: at + 1, ArrowUp: Math.max(0, at - 1), PageDown: at + page, PageUp: at - page, Home: 0, End: last }[event.key];
    if (event.key === "Enter" && at >= 0) this.open(this.rows[at]);
    else if (to === undefined || last < 0) return;
    else {
      const n = Math.min(last, Math.max(0, to));
      this.selected = this.rows[n].key;
      this.window.reveal(n);
      this.schedule();
    }
    event.preventDefault();
  }

  #searchKey(event) {
    if (event.key === "Escape" && this.search) {
      event.target.value = "";
      this.#narrow({ search: "" });
      event.stopPropagation();
    } else if (event.key === "Enter" && !this.rows.length && this.#mayBeId) {
      this.find(this.search.trim());
      event.preventDefault();
    } else if (event.key === "ArrowDown" || event.key === "Enter") {
      this.selected = this.rows[0]?.key ?? null;
      this.focus();
      this.schedule();
      event.preventDefault();
    }
  }
}

/** A time of day tells for how long, too, and stays true while it is read. */
function* labelOf({ state, since, extension, ivrid, sections, exposure_ms }) {
  yield since === null ? `${t(state)}.` : t("row_since", { state: t(state), at: timeOf(since) });
  if (extension) yield t("row_extension", { extension });
  if (ivrid) yield t("row_call", { ivrid });
  if (sections.length) yield t("row_section", { section: sections.join(", ") });
  if (exposure_ms > 0) yield t("row_exposure", { time: exposureOf(exposure_ms) });
}

function makeRow(element) {
  const parts = {
    state: el("span", { class: "row-state" }),
    extension: id("", { class: "id row-extension" }),
    ivrid: id("", { class: "id row-call" }),
    line: el("span", { class: "row-line quiet" }),
    section: el("span", { class: "row-section" }),
    since: el("span", { class: "row-since figures" }),
    exposure: el("span", { class: "row-exposure figures" }),
  };
  element.parts = parts;
  element.append(...Object.values(parts).map((part) => (part === parts.ivrid ? tail(part, { class: "row-tail" }) : part)));
}
