// Elements, numbers and words.
const find = (selector, root = document) => root.querySelector(selector);

function element(tag, attributes = null, ...children) {
  const made = document.createElement(tag);
  return furnish(made, attributes, children);
}

function drawn(tag, attributes = null, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  return furnish(made, attributes, children);
}

function furnish(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("aria-")) made.setAttribute(name, String(value));
    else if (value === false) continue;
    else if (name === "style") Object.assign(made.style, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...present(children));
  return made;
}

const present = (children) => children.flat().filter((child) => child !== null && child !== undefined);

const counted = (number) => number.toLocaleString("en");
const percent = (fraction) => (100 * fraction).toFixed(2);
const several = (number, word) => `${counted(number)} ${number === 1 ? word : word.endsWith("y") ? `${word.slice(0, -1)}ies` : `${word}s`}`;
const score = (number) => (number === null || number === undefined ? "–" : number.toFixed(4).replace("-", "−"));
const signed = (number) => (number < 0 ? "−" : number > 0 ? "+" : "") + Math.abs(number).toFixed(4);

async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}
