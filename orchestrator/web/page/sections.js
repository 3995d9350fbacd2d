// The active sections, the one that ends soonest first, with the time each has left.

import { by, el, id, mark, say, tail } from "./dom.js";
import { glyph } from "./glyph.js";
import { count, minutes, t } from "./i18n.js";
import { EMPTY } from "./store.js";
import { Window } from "./window.js";

const SOON_S = 30;

const GLYPHS = { muting: "covered", protected: "verified", exposed: "exposed", no_call: "none" };

export class Sections {
  /** `open(section)` shows its details, `end(section)` asks why it is to be ended. */
  constructor({ app, schedule, open, end }) {
    this.app = app;
    const make = (element) => makeRow(element, open, end);
    const draw = (element, item) => this.#drawRow(element, item);
    this.window = new Window(by("sections"), { role: "listitem", make, draw, schedule });
  }

  draw() {
    const { board } = this.app;
    if (this.drawn !== board.sections) {
      this.items = [...board.sections].map(([key, section]) => ({ key, section, ends: epoch(section.expires_at) }));
      this.items.sort((a, b) => a.ends - b.ends);
    }
    this.drawn = board.sections;
    say(by("sections-count"), board === EMPTY ? "" : count(this.items.length));
    by("sections-none").hidden = this.items.length > 0 || board === EMPTY;
    this.window.show(this.items);
  }

  #drawRow(element, { section, ends }) {
    const { parts } = element;
    const left_s = ends - this.app.now();
    say(parts.left, left_s > 0 ? t("left", { time: minutes(left_s) }) : t("overdue"));
    mark(element, "data-soon", left_s < SOON_S ? "" : null);
    const whole_s = Math.max(1, ends - epoch(section.started_at));
    parts.bar.style.inlineSize = `${Math.round(Math.min(1, Math.max(0, left_s / whole_s)) * 1000) / 10}%`;
    mark(parts.end, "hidden", this.app.board.can_operate ? null : "");
    const language = document.documentElement.lang;
    if (element.section === section && element.language === language) return;
    Object.assign(element, { section, language });
    mark(element, "data-section", section.section_id);
    parts.state.replaceChildren(glyph(GLYPHS[section.state]), el("span", {}, t(`standing_${section.state}`)));
    mark(parts.state, "class", `section-state state-${GLYPHS[section.state] ?? "none"}`);
    say(parts.name, section.section_id);
    parts.target.replaceChildren(targetOf(section));
    say(parts.end, t("do_end_short"));
    mark(parts.end, "aria-label", `${t("do_end")} ${section.section_id}`);
  }
}

/** What it is aimed at: an extension, a user or a call. */
export function targetOf(section) {
  if (section.user_id !== undefined) return el("bdi", {}, `${t("user")} `, id(String(section.user_id)));
  return id(section.ivrid ?? section.extension ?? "");
}

export const epoch = (rfc_3339) => Date.parse(rfc_3339) / 1000;

function makeRow(element, open, end) {
  element.classList.add("section");
  const parts = {
    state: el("span", { class: "section-state" }),
    name: id(""),
    target: tail(null, { class: "section-target quiet" }),
    left: el("span", { class: "section-left figures" }),
    end: el("button", { type: "button", class: "small", onclick: () => end(element.section) }),
    bar: el("span", { class: "section-bar" }),
  };
  element.parts = parts;
  const name = el("button", { type: "button", class: "link section-name", onclick: () => open(element.section) }, parts.name);
  element.append(parts.state, name, parts.target, parts.left, parts.end, el("span", { class: "section-rail" }, parts.bar));
}
