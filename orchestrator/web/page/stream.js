// Hears the daemon: reads `text/event-stream` by fetch, as EventSource cannot send a token.
//
// Guarantees: one connection at a time; whenever it ends it is made anew, after a wait that grows to 10 s and is drawn
// at random; when nothing came for 15 s, not even a sign of life, that is told and the connection is made anew. With
// 401 and 403 it waits for `wake()`.

const SILENT_MS = 15_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

export class Stream {
  /** `onEvent(name, data, heard)`, `onLink({state, heard, detail, by})`: in whose name; state is opening, live, silent, lost, token, forbidden. */
  constructor(url, headers, onEvent, onLink) {
    this.url = url;
    this.headers = headers;
    this.onEvent = onEvent;
    this.onLink = onLink;
    this.failures = 0;
    this.heard = null;
    this.waiting = null;
    this.attempt = null;
    this.told = "";
    this.by = "";
  }

  /** Connects now, if it is not connected: somebody gave a token, the network is back, the page is looked at again. */
  wake() {
    if (this.attempt && this.told === "live" && Date.now() - this.heard * 1000 < SILENT_MS) return;
    this.#anew();
  }

  /** Connects anew, as there is another token. */
  restart() {
    this.by = "";
    this.#tell("opening");
    this.#anew();
  }

  #anew() {
    this.attempt?.abort();
    clearTimeout(this.waiting);
    this.#connect();
  }

  async #connect() {
    const attempt = new AbortController();
    this.attempt = attempt;
    this.#watch(attempt);
    let wait_ms = null;
    try {
      wait_ms = await this.#read(attempt);
    } catch {
      if (!attempt.signal.aborted) this.#tell("lost");
      attempt.abort();
      wait_ms = 0;
    }
    if (this.attempt !== attempt) return;
    this.attempt = null;
    clearTimeout(this.watchdog);
    if (wait_ms !== null) this.waiting = setTimeout(() => this.#connect(), wait_ms || this.#backoff_ms());
  }

  /** Until the stream ends. Returns how long to wait before the next (0: as you like; null: until woken). */
  async #read(attempt) {
    const answer = await fetch(this.url, {
      headers: { Accept: "text/event-stream", ...this.headers() },
      cache: "no-store",
      signal: attempt.signal,
    });
    if (!answer.ok) return this.#refused(answer);
    this.by = decodeURIComponent(answer.headers.get("Token-Name") ?? "");
    const parse = parser();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (this.attempt !== attempt) return null;
      if (done) break;
      this.#watch(attempt);
      for (const { name, data } of parse(value)) {
        const known = JSON.parse(data);
        this.failures = 0;
        this.#tell("live");
        this.onEvent(name, known, this.heard);
      }
    }
    this.#tell("lost");
    return 0;
  }

  async #refused(answer) {
    const problem = await answer.json().catch(() => ({}));
    if (answer.status === 401) return this.#tell("token", problem.detail ?? "");
    if (answer.status === 403) return this.#tell("forbidden", problem.detail ?? "");
    this.#tell("lost", problem.detail ?? "");
    return Math.min(Number(answer.headers.get("Retry-After")) || 0, 60) * 1000;
  }

  #watch(attempt) {
    this.heard = this.told === "live" ? Date.now() / 1000 : this.heard;
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      this.#tell("silent");
      attempt.abort();
    }, SILENT_MS);
  }

  #tell(state, detail = "") {
    if (state === "live") this.heard = Date.now() / 1000;
    if (state !== this.told || detail) this.onLink({ state, heard: this.heard, detail, by: this.by });
    this.told = state;
    return null;
  }

  #backoff_ms() {
    const most = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures);
    this.failures += 1;
    return most * (0.5 + Math.random() / 2);
  }
}

/** Takes the text piece by piece, gives the events that are complete. Comments are signs of life and no events. */
export function parser() {
  let rest = "";
  return function* parse(piece) {
    rest += piece;
    const events = rest.split(/\r?\n\r?\n/);
    rest = events.pop();
    for (const event of events) {
      let name = "message";
      const data = [];
      for (const line of event.split(/\r?\n/)) {
        const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
        if (field === "event") name = value;
        if (field === "data") data.push(value);
      }
      if (data.length) yield { name, data: data.join("\n") };
    }
  };
}
