// One call, or one section, as far as it is known: how it stands, what happened, what can be done.
//
// Guarantees: what is shown is of the one that was opened, however late an answer comes; it is asked for anew when the
// board says that it changed, once a second at most; a button stays the same element while it is offered, so that the
// focus finds it again after a dialog; closing gives the focus back to where it came from.

import { by, el, id } from "./dom.js";
import { glyph } from "./glyph.js";
import { exposureOf } from "./headline.js";
import { asked } from "./http.js";
import { said, t, timeOf } from "./i18n.js";
import { eventName, fieldsOf, linkTo } from "./log.js";
import { epoch, targetOf } from "./sections.js";

const EVERY_MS = 1000;

export class Details {
  /** `act(kind, call or section)` asks for the reason and does it. */
  constructor({ app, schedule, act }) {
    Object.assign(this, { app, schedule, act });
    this.subject = null;
    by("details-close").addEventListener("click", () => this.close());
  }

  openCall(account, ivrid) {
    this.#open({ kind: "call", key: `${account}/${ivrid}`, account, name: ivrid });
  }

  openSection(section) {
    const { account, section_id } = section;
    this.#open({ kind: "section", key: `${account}/${section_id}`, account, name: section_id });
  }

  get shown() {
    return this.subject !== null;
  }

  close() {
    if (!this.shown) return;
    this.subject = null;
    clearTimeout(this.waiting);
    by("details").hidden = true;
    delete document.body.dataset.details;
    if (this.opener?.isConnected) this.opener.focus({ preventScroll: true });
  }

  /** With the board: draws it anew where its subject changed. */
  draw() {
    if (!this.shown) return;
    const { kind, key, account } = this.subject;
    const { board } = this.app;
    const entry = (kind === "call" ? board.calls : board.sections).get(key);
    const covering = kind === "call" ? (entry?.sections ?? []).map((name) => board.sections.get(`${account}/${name}`)).filter(Boolean) : [];
    const about = [entry, this.known, board.can_operate, document.documentElement.lang, ...covering];
    if (this.drawn?.length === about.length && about.every((part, n) => part === this.drawn[n])) return;
    if (kind === "call" && this.drawn && this.drawn[0] !== entry) this.#askSoon();
    this.drawn = about;
    by("details-name").replaceChildren(t(`details_${kind}`), " ", id(this.subject.name));
    const focused = this.buttons.get(document.activeElement?.dataset.act);
    by("details-body").replaceChildren(...(kind === "call" ? this.#call(entry, covering) : this.#section(entry)));
    if (focused) (focused.isConnected ? focused : by("details-name")).focus({ preventScroll: true });
  }

  #open(subject) {
    if (!this.shown) this.opener = document.activeElement;
    Object.assign(this, { subject, known: null, drawn: null, buttons: new Map() });
    by("details").hidden = false;
    document.body.dataset.details = subject.kind;
    if (subject.kind === "call") this.#ask();
    this.draw();
    by("details-body").scrollTop = 0;
    by("details-name").focus({ preventScroll: true });
  }

  #askSoon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.#ask(), Math.max(0, this.askedAt + EVERY_MS - performance.now()));
  }

  async #ask() {
    const { subject } = this;
    this.askedAt = performance.now();
    const answer = await asked(`v1/page/calls/${encodeURIComponent(subject.name)}`, { query: { account: subject.account } });
    if (this.subject !== subject) return;
    this.known = answer;
    this.schedule();
  }

  #call(entry, covering) {
    const call = entry ?? this.known?.body?.call;
    const state = entry?.state ?? (call ? call.state : null);
    return [
      state ? el("p", { class: `details-state state-${state}` }, glyph(state), el("b", {}, t(state))) : null,
      state ? el("p", { class: "quiet" }, t(`${state}_means`)) : null,
      call ? facts([
        ["account", id(this.subject.account)],
        ["extensions", ids(call.extensions)],
        ["since", call.since ? timeOf(call.since) : ""],
        ["exposure", exposureOf(call.exposure_ms)],
        ["action_id", call.action_id ? id(call.action_id) : ""],
        ["sections", ids(call.sections)],
      ]) : null,
      entry && this.app.board.can_operate ? this.#callActs(entry, covering) : null,
      ...this.#legs(),
      el("h3", {}, t("timeline")),
      ...this.#timeline(),
    ].filter(Boolean);
  }

  #callActs(call, covering) {
    return el("div", { class: "buttons" },
      call.sections.length ? null : this.#button("mute", "do_mute", call),
      call.sections.length || call.state === "recorded" ? null : this.#button("release", "do_release", call),
      covering.map((section) => this.#button("end", "do_end", section, section.section_id)));
  }

  #button(kind, label, subject, name = "") {
    const key = `${kind}${name}`;
    const button = this.buttons.get(key) ?? el("button", { type: "button", "data-act": key, onclick: () => this.act(kind, button.subject) });
    this.buttons.set(key, button);
    button.subject = subject;
    button.replaceChildren(t(label), ...(name ? [" ", id(name)] : []));
    return button;
  }

  #legs() {
    const legs = this.known?.body?.legs ?? [];
    if (!legs.length) return [];
    return [el("h3", {}, t("legs")), el("ul", { class: "legs" }, legs.map((leg) =>
      el("li", {}, id(leg.extension), " ", [leg.direction, leg.status].filter(Boolean).map((word) => t(word)).join(" · "),
        leg.counts === false ? el("span", { class: "quiet" }, ` (${t("leg_quiet")})`) : null)))];
  }

  #timeline() {
    if (!this.known) return [el("p", { class: "quiet" }, t("timeline_wait"))];
    if (this.known.status === 404) return [el("p", { class: "quiet" }, t("timeline_none"))];
    if (!this.known.ok) return [el("p", { class: "problem", dir: "auto" }, this.known.body.detail ? said(this.known.body.detail) : t("link_lost"))];
    const { timeline, complete } = this.known.body;
    return [
      el("ol", { class: "timeline", reversed: "" }, folded(timeline).reverse().map(({ at, what, event, fields, on }) =>
        el("li", { class: `happened happened-${what}` },
          el("time", { class: "figures quiet" }, timeOf(at)),
          el("span", { class: "happened-what" }, t(`what_${what}`)), " ",
          el("b", {}, on.length > 1 ? t(`folded.${event}`, { n: on.length }) : eventName(event)), " ",
          fieldsOf({ ...(on.length > 1 ? { extensions: on } : {}), ...fields }, this.subject.account)))),
      complete ? null : el("p", { class: "quiet" }, t("timeline_cut")),
    ];
  }

  #section(section) {
    if (!section) return [el("p", { class: "quiet" }, t("standing_ended"))];
    return [
      el("p", { class: "details-state" }, el("b", {}, t(`standing_${section.state}`))),
      facts([
        ["account", id(section.account)],
        ["target", targetOf(section)],
        ["started", timeOf(epoch(section.started_at))],
        ["expires", timeOf(epoch(section.expires_at))],
      ]),
      this.app.board.can_operate ? el("div", { class: "buttons" }, this.#button("end", "do_end", section)) : null,
      el("h3", {}, t("calls")),
      section.calls.length ? el("ul", { class: "legs" }, section.calls.map((call) =>
        el("li", {}, linkTo(section.account, call.ivrid),
          " ", exposureOf(call.exposure_ms)))) : el("p", { class: "quiet" }, t("standing_no_call")),
    ].filter(Boolean);
  }
}

function facts(pairs) {
  const told = pairs.filter(([, value]) => value !== "" && value.length !== 0);
  return el("dl", { class: "facts" }, told.map(([name, value]) => [el("dt", {}, t(name)), el("dd", {}, value)]).flat());
}

const ids = (names) => (names ?? []).flatMap((name, n) => [n ? ", " : "", id(name)]);

/** Legs that did the same, one after the other, are one entry: a queue rings at many. `on` are their extensions. */
export function folded(timeline) {
  const entries = [];
  for (const { what, event, at, fields: { ivrid, ...fields } = {} } of timeline) {
    const { extension, ...others } = fields;
    const alike = what === "leg" ? event + JSON.stringify(others) : null;
    const last = entries.at(-1);
    if (alike !== null && last?.alike === alike) Object.assign(last, { at, fields: others, on: [...last.on, extension] });
    else entries.push({ what, event, at, fields, alike, on: [extension] });
  }
  return entries;
}
