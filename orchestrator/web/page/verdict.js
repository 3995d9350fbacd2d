// Whether all is well: one sentence, and what else is to be said.
//
// Guarantees: pure; what is worst is said first; nothing is called well that is not known to be.

import { isolated } from "./dom.js";
import { exposedOf } from "./rows.js";

const RELEASE_SLOW_S = 10;
const NAMED_MOST = 6;

/**
 * `link` is how the stream stands (stream.js), `now` the daemon's time, or when it was last heard.
 * level: ok, note, warn, bad, off (nothing is known). Each sentence is {key, ...its figures} for i18n.
 */
export function verdictOf(board, link, now) {
  const cut = withoutDaemon(link, now);
  if (cut) return { level: "off", line: cut, notes: link.detail ? [{ key: "because", why: link.detail }] : [] };
  const found = [...troubles(board, now)].sort((a, b) => SEVERITY[a.level] - SEVERITY[b.level]);
  if (!found.length && !board.health.ready) return { level: "warn", line: { key: "not_ready" }, notes: [] };
  if (!found.length) return { level: "ok", line: { key: "all_well" }, notes: [] };
  const [first, ...others] = found;
  return { level: first.level, line: first, notes: others };
}

const SEVERITY = { bad: 0, warn: 1, note: 2 };

function withoutDaemon(link, now) {
  switch (link.state) {
    case "live":
      return null;
    case "opening":
      return { key: "link_opening" };
    case "token":
      return { key: "link_token" };
    case "forbidden":
      return { key: "link_forbidden" };
    case "silent":
      return link.heard ? { key: "link_silent", at: now } : { key: "link_lost" };
    default:
      return { key: "link_lost" };
  }
}

function* troubles(board, now) {
  const { calls, unseen } = exposedOf(board);
  if (calls.length) {
    yield { level: "bad", key: "exposed_now", n: calls.length };
    yield { level: "bad", ...which(calls.sort((a, b) => a.since - b.since).map((call) => call.extensions[0] ?? call.ivrid)) };
  }
  if (unseen.length) {
    yield { level: "bad", key: "exposed_unseen", n: unseen.length };
    yield { level: "bad", ...which(unseen.map((section) => section.extension ?? section.section_id)) };
  }
  const { crm, audit, ...problems } = board.health.problems ?? {};
  if (crm) yield { level: "bad", key: "crm_unheard" };
  if (audit) yield { level: "warn", key: "audit_lost" };
  const accounts = Object.entries(board.health.accounts);
  for (const [account, health] of accounts) {
    const where = accounts.length > 1 ? { account } : {};
    for (const trouble of unhealthy(health, problems[account])) yield { ...where, ...trouble };
  }
  const slow = [...board.calls.values()].filter((c) => c.state === "releasing" && now - c.since > RELEASE_SLOW_S).length;
  if (slow) yield { level: "warn", key: "release_slow", n: slow };
}

/** Where to look: the first few. */
function which(all) {
  const names = [...new Set(all)];
  const more = names.length - NAMED_MOST;
  const named = names.slice(0, NAMED_MOST).map(isolated).join(", ");
  return more > 0 ? { key: "exposed_more", which: named, more } : { key: "exposed_which", which: named };
}

/** An account that another process works for is none of this one's troubles. `problem`: what is in the way, if anything. */
function* unhealthy(health, problem) {
  if (!health.owner) return yield { level: "note", key: "standing_by" };
  if (health.api === "failing") yield { level: "bad", key: "api_failing" };
  if (health.feed === "down") yield { level: "bad", key: "feed_down", at: health.since };
  if (health.feed === "stale") yield { level: "bad", key: "feed_stale", at: health.since };
  if (health.feed === "syncing") yield { level: "warn", key: "feed_syncing", at: health.since };
  if (health.redis === "away") yield { level: "warn", key: "redis_away" };
  if (health.polling === "failing") yield { level: "warn", key: "polling_failing" };
  if (problem && health.feed === "synced" && health.redis !== "away") yield { level: "warn", key: "not_ready_for", why: problem };
}
