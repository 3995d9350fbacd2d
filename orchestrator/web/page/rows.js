// What stands in the list of calls: one row for each call, however many extensions see it; one for a section that is
// exposed and whose calls cannot be seen; one for an extension that a section is aimed at and that has no call.
//
// Guarantees: pure; what needs attention comes first, and within that the order is by name, so that rows stay put.

/** The states of a call, the most urgent first. `none`: no call. */
export const STATES = ["exposed", "covered", "foreign", "releasing", "muted", "verified", "none", "recorded"];

// A mute that is seen to hold stays where it was.
const RANK = { exposed: 0, covered: 1, foreign: 2, releasing: 3, muted: 4, verified: 4, none: 5, recorded: 6 };

const NAMED_MOST = 2;

export function rowsOf(board) {
  const aimed = sectionsByExtension(board.sections);
  const unseen = exposedOf(board).unseen;
  const open = new Set(unseen.map(({ account, extension }) => `${account}/${extension}`));
  const rows = unseen.map(({ account, extension = "", section_id }) => withoutCall(`${account}/${section_id}`, "exposed", account, extension, [section_id]));
  const legs = new Map([...board.calls.keys()].map((key) => [key, []]));
  for (const [key, { account, extension, calls }] of board.extensions) {
    for (const leg of calls) {
      const call = `${account}/${leg.ivrid}`;
      if (!legs.has(call)) legs.set(call, []);
      legs.get(call).push({ account, extension, ...leg });
    }
    if (!calls.length && !open.has(key)) rows.push(withoutCall(key, "none", account, extension, aimed.get(key) ?? []));
  }
  for (const [key, on] of legs) rows.push(rowOf(key, board.calls.get(key), on));
  return rows.sort((a, b) => a.rank - b.rank || (a.sort < b.sort ? -1 : a.sort > b.sort ? 1 : 0));
}

/** What is exposed: calls, and sections of which the feed does not tell what calls they have open. */
export function exposedOf(board) {
  const calls = [...board.calls.values()].filter((call) => call.state === "exposed");
  const told = new Set();
  for (const { account, state, sections } of board.calls.values()) {
    if (state === "exposed" || state === "covered") for (const name of sections) told.add(`${account}/${name}`);
  }
  const unseen = [...board.sections].filter(([key, { state }]) => state === "exposed" && !told.has(key)).map(([, section]) => section);
  return { calls, unseen };
}

/** The rows of one state ("" is any) in which every word of the search occurs. */
export function narrowed(rows, state, search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (!state && !words.length) return rows;
  return rows.filter((row) => (!state || row.state === state) && words.every((word) => told(row).includes(word)));
}

/** How many calls are in each state, and in all (""): as many as there are rows. What has no call is not counted. */
export function counted(rows) {
  const counts = Object.fromEntries(["", ...STATES].map((state) => [state, 0]));
  for (const { state } of rows) counts[state] += 1;
  counts[""] = rows.length - counts.none;
  return counts;
}

function withoutCall(key, state, account, extension, sections) {
  return { key, account, extension, sections, state, ivrid: "", since: null, exposure_ms: 0, direction: "", status: "", names: extension, rank: RANK[state], sort: sortable(extension) };
}

/** Of its legs those that count stand for it: the others merely ring. */
function rowOf(key, call, legs) {
  const on = legs.sort((a, b) => b.counts - a.counts || (sortable(a.extension) < sortable(b.extension) ? -1 : 1));
  const names = on.length ? on.map((leg) => leg.extension) : (call?.extensions ?? []);
  const named = Math.min(NAMED_MOST, Math.max(1, on.filter((leg) => leg.counts).length));
  const more = names.length - named;
  const state = call?.state ?? "recorded";
  return {
    key,
    account: call?.account ?? on[0].account,
    extension: names.slice(0, named).join(", ") + (more > 0 ? ` +${more}` : ""),
    ivrid: call?.ivrid ?? on[0].ivrid,
    state,
    since: call?.since ?? null,
    sections: call?.sections ?? [],
    exposure_ms: call?.exposure_ms ?? 0,
    direction: on[0]?.direction ?? "",
    status: on[0]?.status ?? "",
    names: names.join(" "),
    rank: RANK[state] ?? RANK.recorded,
    sort: sortable(names[0] ?? ""),
  };
}

function sectionsByExtension(sections) {
  const aimed = new Map();
  for (const { account, extension, section_id } of sections.values()) {
    if (!extension) continue;
    const key = `${account}/${extension}`;
    aimed.set(key, [...(aimed.get(key) ?? []), section_id]);
  }
  return aimed;
}

function told(row) {
  return `${row.names} ${row.ivrid} ${row.sections.join(" ")} ${row.account}`.toLowerCase();
}

/** SIP9 before SIP10. Kept, as two thousand names are asked for at each change. */
const sortables = new Map();
function sortable(name) {
  let key = sortables.get(name);
  if (key === undefined) {
    key = name.replace(/\d+/g, (digits) => digits.padStart(12, "0"));
    if (sortables.size > 20000) sortables.clear();
    sortables.set(name, key);
  }
  return key;
}
