// A small bar plot: worst per stretch of time, with its scale, its ends, and the stretch before counting began.

import { el, svg } from "./dom.js";
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

/** A `<figure>`: what it is, how many in all, the bars; what stands under the pointer is told in its caption. */
export function plot({ name, means, kind, bars, since }) {
  const n = bars.reduce((sum, bar) => sum + bar.n, 0);
  const worst = Math.max(0, ...bars.map((bar) => bar.worst_ms));
  const total = n ? t("plot_total", { n, worst: lasting(worst) }) : t("plot_zero");
  const told = el("p", { class: "plot-told figures" }, total);
  const top = niceTop(worst);
  const step = WIDTH / Math.max(BARS, bars.length);
  const drawn = bars.map((bar, at) => drawBar(bar, WIDTH - (bars.length - at) * step, step, top, told));
  const uncounted = Math.max(0, WIDTH - bars.filter((bar) => bar.to > since).length * step);
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${name}: ${total}` },
    svg("rect", { class: "plot-uncounted", x: 0, y: 0, width: uncounted, height: HEIGHT }),
    svg("line", { class: "plot-line", x1: 0, x2: WIDTH, y1: 0.5, y2: 0.5 }),
    svg("line", { class: "plot-base", x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 }),
    drawn);
  picture.addEventListener("pointerleave", () => { told.textContent = total; });
  return el("figure", { class: `plot plot-${kind}` },
    el("figcaption", {}, el("b", {}, name), " ", el("span", { class: "quiet" }, means), told),
    el("div", { class: "plot-area", dir: "ltr" }, picture, n ? el("span", { class: "plot-top figures" }, el("bdi", { dir: "auto" }, lasting(top))) : null));
}

function drawBar(bar, x, step, top, told) {
  const height = bar.worst_ms ? Math.max(2, (bar.worst_ms / top) * (HEIGHT - 2)) : 0;
  const figures = { from: minuteOf(bar.from), to: minuteOf(bar.to), n: bar.n, worst: lasting(bar.worst_ms) };
  return svg("g", { class: "plot-bar", onpointerenter: () => { told.textContent = t("plot_bar", figures); } },
    svg("rect", { class: "plot-reach", x, y: 0, width: step, height: HEIGHT }),
    svg("rect", { class: "plot-value", x: x + step * 0.12, y: HEIGHT - 1 - height, width: step * 0.76, height }));
}

/** The next of 1, 2, 5, 10, 20, … at or above. */
export function niceTop(value) {
  let ten = 10;
  while (ten * 10 <= value) ten *= 10;
  return [1, 2, 5, 10].map((n) => n * ten).find((n) => n >= value) ?? ten * 10;
}
