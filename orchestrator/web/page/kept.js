// What the browser keeps for the page. Where it may not keep anything, the page works, and forgets.

const PREFIX = "mute-orchestrator.";

/** Of this browser: language and theme. */
export const browser = drawer(() => localStorage);
/** Of this tab, until it is closed: the token. */
export const tab = drawer(() => sessionStorage);

function drawer(storage) {
  const forgotten = new Map();
  return {
    get(name) {
      try {
        return storage().getItem(PREFIX + name) ?? forgotten.get(name) ?? null;
      } catch {
        return forgotten.get(name) ?? null;
      }
    },
    set(name, value) {
      forgotten.set(name, value);
      try {
        storage().setItem(PREFIX + name, value);
      } catch {
        // Kept for as long as the page is open.
      }
    },
  };
}
