// Exposures and over-mutes of the last hours.

import { by, el, say } from "./dom.js";
import { minuteOf, t } from "./i18n.js";
import { barsOf, plot } from "./plot.js";
import { EMPTY } from "./store.js";

let drawn = null;

export function drawHistory({ board }) {
  const { history } = board;
  const language = document.documentElement.lang;
  const alert_ms = Math.min(...Object.values(board.health.accounts).map((account) => account.exposure_alert_ms));
  if (drawn?.history === history && drawn.language === language && drawn.alert_ms === alert_ms) return;
  drawn = { history, language, alert_ms };
  const { minutes, from, minute_s, since } = history;
  if (!minutes.length) {
    say(by("history-span"), "");
    by("history").replaceChildren(board === EMPTY ? "" : el("p", { class: "none" }, t("history_none")));
    return;
  }
  say(by("history-span"), t("history_span", { from: minuteOf(from), to: minuteOf(from + minutes.length * minute_s) }));
  const looked = document.activeElement?.closest("#history .plot");
  const chosen = looked?.querySelector("[data-from]")?.dataset.from;
  const shown = (kind, first, limit_ms) => plot({
    name: t(kind),
    means: t(`${kind}_mean`),
    kind,
    bars: barsOf(minutes.map((minute) => minute.slice(first, first + 3)), from, minute_s),
    since,
    alert_ms: limit_ms,
    chosen: looked?.dataset.kind === kind && chosen ? Number(chosen) : undefined,
  });
  by("history").replaceChildren(shown("exposures", 0, Number.isFinite(alert_ms) ? alert_ms : null), shown("overmutes", 3, null));
  if (looked) by("history").querySelector(`[data-kind=${looked.dataset.kind}] .plot-area`).focus({ preventScroll: true });
}
