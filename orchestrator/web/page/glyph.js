// The shape of each state: told apart without colour, from two metres away, and in print.

import { svg } from "./dom.js";

const SHAPES = {
  // States of a call.
  exposed: [["path", { d: "M12 2 23 21.5H1z", class: "fill" }], ["path", { d: "M12 9v5M12 18.2v.2", class: "cut" }]],
  covered: [["path", { d: "M12 2.5 21.5 12 12 21.5 2.5 12z", class: "line" }], ["path", { d: "M12 2.5v19L2.5 12z", class: "fill" }]],
  muted: [["rect", { x: 2.5, y: 2.5, width: 19, height: 19, rx: 3, class: "fill" }], ["path", { d: "M9 7.5v9M15 7.5v9", class: "cut" }]],
  verified: [["rect", { x: 2.5, y: 2.5, width: 19, height: 19, rx: 3, class: "fill" }], ["path", { d: "m7 12.3 3.5 3.7 6.8-7.6", class: "cut" }]],
  foreign: [["rect", { x: 3.2, y: 3.2, width: 17.6, height: 17.6, rx: 3, class: "line" }], ["path", { d: "M5 19 19 5", class: "line" }]],
  releasing: [["circle", { cx: 12, cy: 12, r: 9, class: "line" }], ["path", { d: "M12 17V7.5M8 11.2l4-4 4 4", class: "line" }]],
  recorded: [["circle", { cx: 12, cy: 12, r: 8.5, class: "line" }], ["circle", { cx: 12, cy: 12, r: 3.6, class: "fill" }]],
  none: [["circle", { cx: 12, cy: 12, r: 8.5, class: "line dashed" }]],
  // How the whole stands, and levels of the log.
  ok: [["circle", { cx: 12, cy: 12, r: 10.5, class: "fill" }], ["path", { d: "m7 12.4 3.5 3.6 6.5-7.6", class: "cut" }]],
  note: [["circle", { cx: 12, cy: 12, r: 9.5, class: "line" }], ["path", { d: "M12 11.5V17M12 7.4v.2", class: "line" }]],
  warn: [["path", { d: "M12 2.8 22 20.5H2z", class: "line" }], ["path", { d: "M12 9.4v4.6M12 17.4v.2", class: "line" }]],
  bad: [["path", { d: "M12 2 23 21.5H1z", class: "fill" }], ["path", { d: "M12 9v5M12 18.2v.2", class: "cut" }]],
  off: [["circle", { cx: 12, cy: 12, r: 9.5, class: "line" }], ["path", { d: "m8 8 8 8M16 8l-8 8", class: "line" }]],
};

export function glyph(name) {
  const shapes = (SHAPES[name] ?? SHAPES.none).map(([shape, attributes]) => svg(shape, attributes));
  return svg("svg", { viewBox: "0 0 24 24", class: `glyph glyph-${name}`, "aria-hidden": "true", focusable: "false" }, shapes);
}
