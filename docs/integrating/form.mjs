// A card form that stays shut until the call is muted. HTTP; needs Node 18 and no packages.
//
//     MUTE_URL=http://127.0.0.1:8080 MUTE_TOKEN=... node form.mjs SIPSIP1

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import process from "node:process";

async function ask(method, path, body) {
  const headers = { Authorization: `Bearer ${process.env.MUTE_TOKEN}` };
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch(process.env.MUTE_URL + path, {
    method,
    headers,
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(6000),
  });
  const text = await answer.text();
  const said = text ? JSON.parse(text) : {};
  if (!answer.ok) throw new Error(`${answer.status}: ${said.detail}`);
  return said;
}

/** A section that lasts as long as `form`, which hears how it stands: "protected", or what it came to so far. */
export async function withSensitiveSection(extension, form, waitMs = 3000) {
  const path = `/v1/sections/pay-${randomUUID()}`;
  try {
    const section = await ask("PUT", `${path}?wait_ms=${waitMs}`, { extension, max_seconds: 300 });
    await form(section.state);
  } finally {
    await ask("DELETE", path); // also where the answer to PUT was lost: it may have started
  }
}

await withSensitiveSection(process.argv[2], async (state) => {
  if (state !== "protected") {
    console.error(`Do not ask for the card: ${state}`);
    process.exitCode = 1;
    return;
  }
  console.log("Ask for the card. Enter closes the form.");
  await once(process.stdin, "data");
  process.stdin.destroy();
});
