// Exposures and over-mutes of the last hours.

import { by, el, say } from "./dom.js";
import { minuteOf, t } from "./i18n.js";
import { barsOf, plot } from "./plot.js";
import { EMPTY } from "./store.js";

let drawn = null;

export function drawHistory({ board }) {
  const { history } = board;
  const language = document.documentElement.lang;
  if (drawn?.history === history && drawn.language === language) return;
  drawn = { history, language };
  const { minutes, from, minute_s, since } = history;
  if (!minutes.length) {
    say(by("history-span"), "");
    by("history").replaceChildren(board === EMPTY ? "" : el("p", { class: "none" }, t("history_none")));
    return;
  }
  say(by("history-span"), t("history_span", { from: minuteOf(from), to: minuteOf(from + minutes.length * minute_s) }));
  const shown = (kind, first) => plot({
    name: t(kind),
    means: t(`${kind}_mean`),
    kind,
    bars: barsOf(minutes.map((minute) => minute.slice(first, first + 3)), from, minute_s),
    since,
  });
  by("history").replaceChildren(shown("exposures", 0), shown("overmutes", 3));
}
