// The board as it is known: one value, replaced by what the stream tells.
//
// Guarantees: pure; a board once made is never changed; an entry that did not change is the same object as before, so
// that whoever draws can compare by identity; the log and the history are bounded.

const LOG_MOST = 200;
const MINUTES_MOST = 360;

/** Nothing is known yet. */
export const EMPTY = boardOf({});

/** The board that a `board` event tells. */
export function boardOf(data) {
  return {
    now: data.now ?? 0,
    version: data.version ?? "",
    can_operate: data.can_operate ?? false,
    health: data.health ?? { ready: false, problems: {}, accounts: {} },
    extensions: new Map(Object.entries(data.extensions ?? {})),
    calls: new Map(Object.entries(data.calls ?? {})),
    sections: new Map(Object.entries(data.sections ?? {})),
    history: data.history ?? { minute_s: 60, from: 0, since: 0, minutes: [] },
    log: (data.log ?? []).slice(-LOG_MOST),
  };
}

/** The board after a `change` event. */
export function applied(board, change) {
  return {
    now: change.now ?? board.now,
    version: change.version ?? board.version,
    can_operate: change.can_operate ?? board.can_operate,
    health: change.health ?? board.health,
    extensions: merged(board.extensions, change.extensions),
    calls: merged(board.calls, change.calls),
    sections: merged(board.sections, change.sections),
    history: change.history ? prolonged(board.history, change.history) : board.history,
    log: change.log?.length ? board.log.concat(change.log).slice(-LOG_MOST) : board.log,
  };
}

function merged(entries, changed) {
  if (!changed) return entries;
  const now = new Map(entries);
  for (const [key, entry] of Object.entries(changed)) {
    if (entry === null) now.delete(key);
    else now.set(key, entry);
  }
  return now;
}

/** The last minutes are told again from `from` on; a gap before them counts as quiet. */
function prolonged(history, news) {
  const at = Math.round((news.from - history.from) / history.minute_s);
  if (!history.minutes.length || at < 0) return { ...history, ...news };
  const minutes = history.minutes.slice(0, at);
  while (minutes.length < at) minutes.push([0, 0, 0, 0, 0, 0]);
  minutes.push(...news.minutes);
  const dropped = Math.max(0, minutes.length - MINUTES_MOST);
  return { ...history, from: history.from + dropped * history.minute_s, minutes: minutes.slice(dropped) };
}
