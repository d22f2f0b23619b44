// Elements and texts. Everything a network or a user wrote becomes text nodes, never markup.
const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** h("p", {class: "note", click: handler}, "text", child, ...) */
const h = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
/** The same for SVG. */
const s = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

function number(value) {
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  if (size >= 10000) return Math.round(value).toLocaleString("en");
  return size && size < 0.001 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}
const shown = (value) =>
  value == null ? "" : typeof value === "number" ? number(value) : String(value);

/** A line to copy, such as a command. */
function copyable(text) {
  const button = h("button", { type: "button", class: "small", click: copy }, "Copy");
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  }
  const code = h("code", { tabindex: 0 }, text);
  return h("div", { class: "copyable" }, code, button);
}

/** A file made in the page. */
function download(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

const slug = (text) => text.replace(/[^\p{L}\p{N}.-]+/gu, "-").slice(0, 60) || "tune";
