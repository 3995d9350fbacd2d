// Wires the page: what the stream tells becomes the board, the board is drawn once a frame.

import { Acts } from "./act.js";
import { Calls } from "./calls.js";
import { Details } from "./details.js";
import { by, el, isolated, mark, say } from "./dom.js";
import { glyph } from "./glyph.js";
import { Announcer, drawHeadline, drawHealth } from "./headline.js";
import { drawHistory } from "./history.js";
import { address, asked, headers, useToken } from "./http.js";
import * as i18n from "./i18n.js";
import { Log } from "./log.js";
import { STATES } from "./rows.js";
import { Sections } from "./sections.js";
import { applied, boardOf, EMPTY } from "./store.js";
import { Stream } from "./stream.js";
import * as theme from "./theme.js";

const { t } = i18n;
const TOAST_MS = 8000;
/** Who it is where no token is configured: nobody, to the one who looks. */
const LOOPBACK = "loopback";

const app = {
  board: EMPTY,
  link: { state: "opening", heard: null, detail: "", by: "" },
  /** The daemon's clock less ours, in seconds. */
  ahead_s: 0,
  /** The daemon's time. It stands still while nothing is heard: what is shown is as old as it says. */
  now: () => (app.link.state === "live" ? Date.now() / 1000 : (app.link.heard ?? 0)) + app.ahead_s,
};

theme.begin();
i18n.begin();

let frame = null;
function schedule() {
  frame ??= requestAnimationFrame(draw);
}

const announcer = new Announcer();
const acts = new Acts({ app, done: toast });
const details = new Details({ app, schedule, act: (kind, subject) => acts.ask(kind, subject) });
const calls = new Calls({ app, schedule, open: openRow, find: findCall });
const sections = new Sections({ app, schedule, open: (section) => details.openSection(section), end: (section) => acts.ask("end", section) });
const log = new Log({ app });
const stream = new Stream(address("v1/page/stream"), headers, onEvent, onLink);

function draw() {
  frame = null;
  drawHeadline(app);
  const { by: name } = app.link;
  by("who").hidden = !name || name === LOOPBACK;
  say(by("who"), name);
  mark(by("who"), "aria-label", t("token_whose", { name }));
  say(by("clock"), app.board.now ? i18n.timeOf(app.now()) : "");
  calls.draw();
  sections.draw();
  log.draw();
  drawHistory(app);
  if (draw.health !== app.board.health) drawHealth(app);
  draw.health = app.board.health;
  details.draw();
}

function onEvent(name, data, heard) {
  const before = app.board;
  if (name === "board") app.board = boardOf(data);
  else if (name === "change") app.board = applied(before, data);
  else return;
  app.ahead_s = app.board.now - heard;
  announcer.heard(app.board);
  drawn();
}

function onLink(link) {
  app.link = link;
  if (link.state === "token") askToken(t("token_scopes"));
  else if (link.state === "forbidden") askToken(i18n.said(link.detail));
  else if (link.state === "live" && by("token-out").hidden) by("token-dialog").close();
  drawn();
}

/** A tab that is not looked at gets no frames; its title is kept up all the same. */
function drawn() {
  if (document.hidden) drawHeadline(app);
  schedule();
}

function openRow(row) {
  if (row.ivrid) return details.openCall(row.account, row.ivrid);
  const section = app.board.sections.get(`${row.account}/${row.sections[0]}`);
  return section && details.openSection(section);
}

/** One that no row shows: it is over, perhaps, and the daemon still has its story. */
async function findCall(ivrid) {
  for (const account of Object.keys(app.board.health.accounts)) {
    const { status } = await asked(`v1/page/calls/${encodeURIComponent(ivrid)}`, { query: { account } });
    if (status !== 404) return details.openCall(account, ivrid);
  }
  return toast(t("call_unheard", { ivrid: isolated(ivrid) }));
}

/** As the daemon wants one, or as somebody wants to give another. */
function askToken(why) {
  const { by: name } = app.link;
  say(by("token-name"), name ? t("token_whose", { name }) : t("token_title"));
  say(by("token-why"), why);
  by("token-out").hidden = !name;
  if (!by("token-dialog").open) by("token-dialog").showModal();
}

function tellWho() {
  askToken(t(app.board.can_operate ? "token_acts" : "token_looks", { name: isolated(app.link.by) }));
}

/** What was shown to the one before is not for the next. */
function actWith(token) {
  useToken(token);
  by("token").value = "";
  by("token-dialog").close();
  details.close();
  app.board = EMPTY;
  stream.restart();
}

let toasted = null;
function toast(sentence) {
  say(by("toast"), sentence);
  clearTimeout(toasted);
  toasted = setTimeout(() => say(by("toast"), ""), TOAST_MS);
}

function relabel() {
  const other = i18n.other();
  say(by("language"), other.name);
  mark(by("language"), "lang", other.code);
  say(by("theme"), t(theme.isDark() ? "to_light" : "to_dark"));
  calls.relabel();
  draw.health = null;
  by("help-states").replaceChildren(...STATES.flatMap((state) => [
    el("dt", { class: `state-${state}` }, glyph(state), el("span", {}, t(state))), el("dd", {}, t(`${state}_means`))]));
  const keys = [["/", "key_search"], ["↑ ↓", "key_move"], ["Enter", "key_enter"], ["Esc", "key_escape"], ["?", "key_help"]];
  by("help-keys").replaceChildren(...keys.flatMap(([key, means]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, t(means))]));
  schedule();
}

function help() {
  say(by("help-version"), app.board.version ? t("version", { version: app.board.version }) : "");
  by("help-dialog").showModal();
}

by("language").addEventListener("click", () => { i18n.change(); relabel(); });
by("theme").addEventListener("click", () => { theme.change(); relabel(); });
by("help").addEventListener("click", help);
by("token-open").addEventListener("click", () => by("token-dialog").showModal());
by("help-close").addEventListener("click", () => by("help-dialog").close());
by("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  actWith(by("token").value);
});
by("token-out").addEventListener("click", () => actWith(""));
by("who").addEventListener("click", tellWho);
by("act-dialog").addEventListener("close", ({ target: dialog }) => {
  const focused = document.activeElement;
  if (focused !== document.body && !dialog.contains(focused)) return;
  // The button that opened it was gone by then.
  by(details.shown ? "details-name" : "sections").focus({ preventScroll: true });
});
for (const tab of document.querySelectorAll(".tabs [data-tab]")) tab.addEventListener("click", () => show(tab.dataset.tab));

function show(tab) {
  if (document.body.dataset.tab !== tab) details.close();
  document.body.dataset.tab = tab;
  for (const button of document.querySelectorAll(".tabs [data-tab]")) mark(button, "aria-pressed", String(button.dataset.tab === tab));
}

document.addEventListener("click", ({ target }) => {
  const link = target.closest("[data-ivrid]");
  if (link) details.openCall(link.dataset.account, link.dataset.ivrid);
});
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const writing = event.target.matches("input, select, textarea");
  if (event.key === "Escape") details.close();
  else if (writing) return;
  else if (event.key === "?") help();
  else if (event.key === "/" || (event.code === "Slash" && !event.shiftKey)) { // the same key, with Hebrew letters on it
    show("calls");
    by("search").focus();
  } else return;
  event.preventDefault();
});

addEventListener("online", () => stream.wake());
document.addEventListener("visibilitychange", () => { if (!document.hidden) { stream.wake(); schedule(); } });
setInterval(() => { if (!document.hidden) schedule(); }, 1000);

mark(document.querySelector(".tabs [data-tab=calls]"), "aria-pressed", "true");
relabel();
stream.wake();
