// What stands in the list of calls: one row for each call on each extension, and one for an extension that a section
// is aimed at and that has no call, or whose calls cannot be seen while it is exposed.
//
// Guarantees: pure; what needs attention comes first, and within that the order is by name, so that rows stay put.

/** The states of a call, the most urgent first. `none`: no call. */
export const STATES = ["exposed", "covered", "foreign", "releasing", "muted", "verified", "none", "recorded"];

// A mute that is seen to hold stays where it was.
const RANK = { exposed: 0, covered: 1, foreign: 2, releasing: 3, muted: 4, verified: 4, none: 5, recorded: 6 };

export function rowsOf(board) {
  const aimed = sectionsByExtension(board.sections);
  const seen = new Set();
  const unseen = exposedOf(board).unseen;
  const open = new Set(unseen.map(({ account, extension }) => `${account}/${extension}`));
  const rows = unseen.map(({ account, extension = "", section_id }) => (
    { ...NO_CALL, key: `${account}/${section_id}`, account, extension, sections: [section_id], state: "exposed", rank: RANK.exposed, sort: sortable(extension) }));
  for (const [key, { account, extension, calls }] of board.extensions) {
    for (const leg of calls) {
      const callKey = `${account}/${leg.ivrid}`;
      seen.add(callKey);
      rows.push(rowOf(`${key}|${leg.ivrid}`, account, extension, board.calls.get(callKey), leg));
    }
    if (!calls.length && !open.has(key)) {
      const sections = aimed.get(key) ?? [];
      rows.push({ ...NO_CALL, key, account, extension, sections, rank: RANK.none, sort: sortable(extension) });
    }
  }
  for (const [key, call] of board.calls) {
    if (!seen.has(key)) rows.push(rowOf(key, call.account, call.extensions[0] ?? "", call, null));
  }
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

/** How many calls are in each state. A call that two extensions see is one; so is a section whose calls are not seen. */
export function counted(board) {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  for (const call of board.calls.values()) counts[call.state] += 1;
  counts.exposed += exposedOf(board).unseen.length;
  return counts;
}

const NO_CALL = { ivrid: "", state: "none", since: null, exposure_ms: 0, direction: "", status: "" };

function rowOf(key, account, extension, call, leg) {
  const state = call?.state ?? "recorded";
  return {
    key,
    account,
    extension,
    ivrid: call?.ivrid ?? leg.ivrid,
    state,
    since: call?.since ?? null,
    sections: call?.sections ?? [],
    exposure_ms: call?.exposure_ms ?? 0,
    direction: leg?.direction ?? "",
    status: leg?.status ?? "",
    rank: RANK[state] ?? RANK.recorded,
    sort: sortable(extension),
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
  return `${row.extension} ${row.ivrid} ${row.sections.join(" ")} ${row.account}`.toLowerCase();
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
