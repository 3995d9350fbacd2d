// Asks the daemon, with the token of this tab.
//
// Guarantees: the token is in sessionStorage and in the Authorization header, nowhere else; every address is relative
// to the page, so that nothing goes to another host.

import { tab } from "./kept.js";

export function useToken(given) {
  tab.set("token", given.trim());
}

export function headers() {
  const token = tab.get("token");
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export function address(path, query = {}) {
  const url = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

/** {ok, status, body}; the body of a refusal is a problem (RFC 9457) with `detail`. Status 0: no answer. */
export async function asked(path, { query = {}, body = null } = {}) {
  const wanted = body
    ? { method: "POST", headers: { ...headers(), "Content-Type": "application/json" }, body: JSON.stringify(body) }
    : { headers: headers() };
  try {
    const answer = await fetch(address(path, query), { ...wanted, cache: "no-store" });
    return { ok: answer.ok, status: answer.status, body: await answer.json().catch(() => ({})) };
  } catch {
    return { ok: false, status: 0, body: {} };
  }
}
