// Makes and changes elements. Text is always text: nothing that was received is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

export const by = (id) => document.getElementById(id);

/** el("p", {class: "quiet", onclick: f}, "text", child). An attribute that is null or false is left out. */
export function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

/** An id: it reads from left to right wherever it stands. */
export function id(text, attributes = {}) {
  return el("bdi", { dir: "ltr", class: "id", ...attributes }, text);
}

/** An id of which the end is seen where there is no room for all: those of one day begin alike. */
export function tail(bdi, attributes = {}) {
  return el("span", { ...attributes, class: `tail ${attributes.class ?? ""}` }, bdi);
}

/** Within a sentence of the other direction, an id keeps its own. */
export const isolated = (text) => `\u2066${text ?? ""}\u2069`;

/** Sets the text, if it is another: a node that is not touched costs no layout, and is not read out again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function mark(element, attribute, value) {
  if (value === null || value === false) {
    if (element.hasAttribute(attribute)) element.removeAttribute(attribute);
  } else if (element.getAttribute(attribute) !== String(value)) element.setAttribute(attribute, value);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else mark(element, name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}
