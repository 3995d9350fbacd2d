// A small bar plot: worst per stretch of time, with its scale, its ends, and the stretch before counting began.

import { el, mark, say, svg } from "./dom.js";
import { lasting, minuteOf, t } from "./i18n.js";

const WIDTH = 360;
const HEIGHT = 56;
const BARS = 72;

/** One bar: {from, to, n, worst_ms}; `minutes` are [n, sum_ms, worst_ms]. */
export function barsOf(minutes, from, minute_s, most = BARS) {
  const each = Math.max(1, Math.ceil(minutes.length / most));
  const bars = [];
  for (let first = 0; first < minutes.length; first += each) {
    const taken = minutes.slice(first, first + each);
    bars.push({
      from: from + first * minute_s,
      to: from + Math.min(first + each, minutes.length) * minute_s,
      n: taken.reduce((n, minute) => n + minute[0], 0),
      worst_ms: Math.max(...taken.map((minute) => minute[2])),
    });
  }
  return bars;
}

/**
 * A `<figure>`: what it is, how many in all, the bars. What stands under the pointer, or is chosen with the arrow keys, is
 * told in its caption. What is above `alert_ms` (null: nothing is) is marked; `chosen` is a time whose bar is told of.
 */
export function plot({ name, means, kind, bars, since, alert_ms, chosen }) {
  const n = bars.reduce((sum, bar) => sum + bar.n, 0);
  const worst = Math.max(0, ...bars.map((bar) => bar.worst_ms));
  const total = n ? t("plot_total", { n, worst: lasting(worst) }) : t("plot_zero");
  const told = el("p", { class: "plot-told figures" }, total);
  const top = niceTop(Math.max(worst, alert_ms ?? 0));
  const heightOf = (ms) => (ms / top) * (HEIGHT - 2);
  const step = WIDTH / Math.max(BARS, bars.length);
  const drawn = bars.map((bar, at) => drawBar(bar, WIDTH - (bars.length - at) * step, step, heightOf, bar.worst_ms > (alert_ms ?? Infinity)));
  const uncounted = Math.max(0, WIDTH - bars.filter((bar) => bar.to > since).length * step);
  const alert = alert_ms === null ? null : line("plot-alert", HEIGHT - 1 - heightOf(alert_ms));
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "plot-uncounted", x: 0, y: 0, width: uncounted, height: HEIGHT }),
    line("plot-line", 0.5), line("plot-base", HEIGHT - 0.5), drawn, alert);
  const area = el("div", { class: "plot-area", dir: "ltr", tabindex: n ? 0 : null, role: n ? "slider" : "img", "aria-label": n ? name : `${name}: ${total}` },
    picture,
    n ? scale("plot-top", lasting(top)) : null,
    n && alert ? scale("plot-limit", t("plot_alert", { limit: lasting(alert_ms) })) : null);
  const tell = (at) => {
    say(told, bars[at] ? sentenceOf(bars[at]) : total);
    drawn.forEach((bar, number) => mark(bar, "data-chosen", number === at ? "" : null));
  };
  const choose = (at) => {
    tell(at);
    if (!n) return;
    const values = { "data-from": bars[at]?.from ?? null, "aria-valuemin": 0, "aria-valuemax": bars.length - 1, "aria-valuenow": at ?? bars.length - 1 };
    for (const [attribute, value] of Object.entries({ ...values, "aria-valuetext": told.textContent })) mark(area, attribute, value);
  };
  const filled = bars.flatMap((bar, at) => (bar.n ? [at] : []));
  area.addEventListener("keydown", (event) => {
    const from = Number(area.getAttribute("data-from") ?? Infinity);
    const before = filled.findLast((at) => bars[at].from < from);
    const after = filled.find((at) => bars[at].from > from);
    const at = { ArrowLeft: before, ArrowDown: before, ArrowRight: after, ArrowUp: after, Home: filled[0], End: filled.at(-1) }[event.key];
    if (at === undefined) return;
    choose(at);
    event.preventDefault();
  });
  area.addEventListener("blur", () => choose());
  drawn.forEach((bar, at) => bar.addEventListener("pointerenter", () => tell(at)));
  picture.addEventListener("pointerleave", () => tell(bars.findIndex(({ from }) => String(from) === area.getAttribute("data-from"))));
  choose(chosen === undefined ? undefined : filled.findLast((at) => bars[at].from <= chosen));
  return el("figure", { class: `plot plot-${kind}`, "data-kind": kind },
    el("figcaption", {}, el("b", {}, name), " ", el("span", { class: "quiet" }, means), told), area);
}

function line(name, y) {
  return svg("line", { class: name, x1: 0, x2: WIDTH, y1: y, y2: y });
}

function scale(name, text) {
  return el("span", { class: `plot-scale ${name} figures` }, el("bdi", { dir: "auto" }, text));
}

const sentenceOf = (bar) => t("plot_bar", { from: minuteOf(bar.from), to: minuteOf(bar.to), n: bar.n, worst: lasting(bar.worst_ms) });

function drawBar(bar, x, step, heightOf, over) {
  const height = bar.worst_ms ? Math.max(2, heightOf(bar.worst_ms)) : 0;
  return svg("g", { class: "plot-bar" },
    svg("rect", { class: "plot-reach", x, y: 0, width: step, height: HEIGHT }),
    svg("rect", { class: "plot-value", "data-over": over ? "" : null, x: x + step * 0.12, y: HEIGHT - 1 - height, width: step * 0.76, height }));
}

/** The next of 1, 2, 5, 10, 20, … at or above. */
export function niceTop(value) {
  let ten = 10;
  while (ten * 10 <= value) ten *= 10;
  return [1, 2, 5, 10].map((n) => n * ten).find((n) => n >= value) ?? ten * 10;
}
