// A list of which only the rows in view exist.
//
// Guarantees: however long the list is, there are no more rows than fit, and a few; a row keeps its element while it is
// in view, wherever it moves, and leaves the focus to the list when it goes; drawing reads nothing from the layout:
// sizes come from an observer, the place from the scroll event.

const BEYOND = 4;

export class Window {
  /** `make(element)` fills an empty row once; `draw(element, item)` says in it how the item stands. Items have `key`. */
  constructor(host, { role, make, draw, schedule }) {
    Object.assign(this, { host, role, make, draw });
    this.items = [];
    this.rows = new Map();
    this.top = 0;
    this.height = 0;
    this.rowHeight = 0;
    this.made = 0;
    this.space = document.createElement("div");
    this.space.className = "window-space";
    this.space.setAttribute("role", "presentation");
    host.append(this.space);
    // The height of a row is a matter of the style sheet; this one stands for all.
    const model = document.createElement("div");
    model.className = "window-row window-model";
    model.setAttribute("aria-hidden", "true");
    host.append(model);
    const sizes = new ResizeObserver((entries) => {
      for (const { target, borderBoxSize } of entries) {
        if (target === model) this.rowHeight = borderBoxSize[0].blockSize;
        else this.height = borderBoxSize[0].blockSize;
      }
      schedule();
    });
    sizes.observe(host);
    sizes.observe(model);
    host.addEventListener("scroll", () => {
      this.top = host.scrollTop;
      schedule();
    }, { passive: true });
  }

  /** Within an animation frame. */
  show(items) {
    this.items = items;
    if (!this.rowHeight || !this.height) return;
    const full = items.length * this.rowHeight;
    if (this.full !== full) this.space.style.blockSize = `${full}px`;
    this.full = full;
    const first = Math.max(0, Math.floor(Math.min(this.top, Math.max(0, full - this.height)) / this.rowHeight) - BEYOND);
    const last = Math.min(items.length, first + Math.ceil(this.height / this.rowHeight) + 2 * BEYOND);
    const gone = this.rows;
    this.rows = new Map();
    let at = this.space.firstChild;
    for (let n = first; n < last; n += 1) {
      const item = items[n];
      const row = gone.get(item.key) ?? this.#made();
      gone.delete(item.key);
      this.rows.set(item.key, row);
      this.#place(row, n, items.length);
      this.draw(row, item);
      // Read aloud in the order shown; what has the focus stays, the others move around it.
      if (row === at) at = at.nextSibling;
      else if (!row.isConnected || !row.contains(document.activeElement)) this.space.insertBefore(row, at);
    }
    for (const row of gone.values()) {
      if (row.contains(document.activeElement)) this.host.focus({ preventScroll: true });
      row.remove();
    }
  }

  indexOf(key) {
    return this.items.findIndex((item) => item.key === key);
  }

  /** Scrolls no further than is needed for the row to be seen. */
  reveal(n) {
    const top = n * this.rowHeight;
    if (top < this.top) this.host.scrollTop = top;
    else if (top + this.rowHeight > this.top + this.height) this.host.scrollTop = top + this.rowHeight - this.height;
    this.top = this.host.scrollTop;
  }

  get inView() {
    return Math.max(1, Math.floor(this.height / (this.rowHeight || 1)));
  }

  #made() {
    const row = document.createElement("div");
    row.className = "window-row";
    row.setAttribute("role", this.role);
    row.id = `${this.host.id}-${(this.made += 1)}`;
    this.make(row);
    return row;
  }

  #place(row, n, all) {
    if (row.at !== n || row.height !== this.rowHeight) row.style.transform = `translateY(${n * this.rowHeight}px)`;
    row.height = this.rowHeight;
    if (row.at !== n) row.setAttribute("aria-posinset", n + 1);
    row.at = n;
    if (row.all !== all) row.setAttribute("aria-setsize", all);
    row.all = all;
  }
}
