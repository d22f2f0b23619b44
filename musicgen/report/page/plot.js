// What every chart needs: scales, ticks, colours, and a frame with axes.
const HEIGHT = 300;
const MARGIN = { top: 12, right: 14, bottom: 42, left: 56 };

/** Round values that divide [low, high] into about `count` steps. */
function ticks(low, high, count) {
  if (!(high > low)) return [low];
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10);
  const made = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) {
    made.push(Number(at.toPrecision(12)));
  }
  return made;
}

function logTicks(low, high) {
  const made = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
    for (const factor of [1, 2, 5]) made.push(factor * 10 ** power);
  }
  const inside = made.filter((at) => at >= low * 0.999 && at <= high * 1.001);
  const tens = inside.filter((at) => Math.abs(Math.log10(at) % 1) < 1e-9);
  return tens.length > 2 ? tens : inside.length ? inside : [low, high];
}

/** A function from values to pixels, with `ticks`; the kind of scale fits the values. */
function scaleOf(values, from, to, { log = false, ordinal = null, count = 5 } = {}) {
  const known = values.filter((v) => v != null);
  const distinct = [...new Set(known)];
  const texts = known.some((v) => typeof v !== "number");
  if (ordinal ?? (texts || distinct.length <= 12)) {
    const sorted = distinct.sort((a, b) =>
      texts ? String(a).localeCompare(String(b), "en", { numeric: true }) : a - b);
    const step = (to - from) / Math.max(sorted.length, 1);
    const scale = (v) => from + step * (sorted.indexOf(v) + 0.5);
    return Object.assign(scale, { ticks: sorted });
  }
  const low = Math.min(...known), high = Math.max(...known);
  if (log && low > 0 && high > low) {
    const [a, b] = [Math.log(low), Math.log(high)];
    const scale = (v) => from + ((Math.log(v) - a) / (b - a)) * (to - from);
    return Object.assign(scale, { ticks: logTicks(low, high) });
  }
  const scale = (v) => (high > low ? from + ((v - low) / (high - low)) * (to - from) : (from + to) / 2);
  return Object.assign(scale, { ticks: ticks(low, high, count) });
}

/** [low, high] without the outliers at the bad end, so that one diverged run presses nothing flat. */
function range(values, direction = "minimize") {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (!sorted.length) return [0, 1];
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  let [low, high] = direction === "minimize" ? [sorted[0], at(0.9)] : [at(0.1), sorted.at(-1)];
  const pad = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - pad, high + pad];
}

const dark = matchMedia("(prefers-color-scheme: dark)");
/** viridis, short of the end that is too pale for the page. */
const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
/** A colour for a share from 0 (best) to 1. */
function ramp(share) {
  const at = Math.min(Math.max(share, 0), 1) * 3.3;
  const place = dark.matches ? 4 - at : at;
  const index = Math.min(Math.floor(place), 3);
  const mix = VIRIDIS[index].map((c, i) => c + (VIRIDIS[index + 1][i] - c) * (place - index));
  return `rgb(${mix.map(Math.round).join(" ")})`;
}

/** What the colours of `ramp` mean. */
const rampKey = () => h("div", { class: "quiet" }, "Colour: best ", chart(() =>
  s("svg", { width: 130, height: 14, "aria-hidden": "true" }, [...Array(13).keys()].map((i) =>
    s("rect", { x: 10 * i, width: 10, height: 14, fill: ramp(i / 12) }))),
  { class: "swatch" }), " worst");

/** A chart that is drawn anew when its width, the theme or the choice of rows changes. */
function chart(draw, attributes = {}) {
  const box = h("div", { class: "chart", ...attributes });
  let width = 0;
  const redraw = () => width && box.replaceChildren(draw(width));
  new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (now && now !== width) { width = now; redraw(); }
  }).observe(box);
  dark.addEventListener("change", redraw);
  listeners.push(redraw);
  return box;
}

let clips = 0;
/** An SVG with axes and grid; `marks` go inside the frame, cut off at its edges. */
function frame(width, x, y, { height = HEIGHT, title, xLabel, yLabel, marks, margin = MARGIN }) {
  const { left, right, top, bottom } = margin;
  const clip = `clip${clips++}`;
  const longest = Math.max(...x.ticks.map((at) => clipped(at, 10).length));
  const fit = Math.max(1, Math.ceil((x.ticks.length * (8 * longest + 12)) / (width - left - right)));
  return s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": title },
    s("clipPath", { id: clip }, s("rect", {
      x: left - 4, y: top - 4, width: width - left - right + 8, height: height - top - bottom + 8 })),
    y.ticks.map((at) => s("g", { class: "tick", transform: `translate(0 ${y(at)})` },
      s("line", { x1: left, x2: width - right }),
      s("text", { x: left - 6, dy: "0.32em", "text-anchor": "end" }, shown(at)))),
    x.ticks.filter((_, index) => index % fit === 0).map((at) =>
      s("text", { class: "tick", x: x(at), y: height - bottom + 18, "text-anchor": "middle" }, clipped(at, 10))),
    s("text", { class: "axis", x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, xLabel),
    yLabel && s("text", { class: "axis", "text-anchor": "middle",
      transform: `translate(12 ${(top + height - bottom) / 2}) rotate(-90)` }, yLabel),
    s("g", { class: "lines", "clip-path": `url(#${clip})` }, marks));
}

function clipped(at, length) {
  const text = shown(at);
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
const path = (points) => points.map(([x, y], i) =>
  `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
/** Attributes of a mark that stands for a row. */
const ofRow = (row) => ({
  "data-row": row, mouseenter: () => emphasise(row), mouseleave: () => emphasise(null),
});
