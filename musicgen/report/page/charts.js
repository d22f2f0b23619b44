// Curves, parallel coordinates, importances and slices.
const DASHES = [null, "7 4", "2 3", "9 3 2 3"];
const LEGEND = 10;
const MAX_LINES = 400;
const MAX_DOTS = 1000;

function buildCurves(section) {
  if (!data.curves.length) return section.append(h("p", { class: "quiet" }, "No epoch has ended yet."));
  const rank = new Map(data.curves.map((curve, index) => [curve.row, index]));
  const last = Math.max(data.curves.length - 1, 1);
  const style = (row) => ({
    stroke: ramp(rank.get(row) / last), "stroke-dasharray": DASHES[rank.get(row) % DASHES.length] });
  const drawn = () => {
    const wanted = new Set(visible);
    return data.curves.filter(({ row }) => wanted.has(row));
  };

  function panel(kind, title, yLabel, direction) {
    return chart((width) => {
      const curves = drawn();
      const values = curves.flatMap(({ runs }) =>
        runs.flatMap((run) => [...run[`train_${kind}`], ...run[`val_${kind}`]]));
      const epochs = curves.flatMap(({ runs }) => runs.flatMap((run) => run.epoch));
      const x = scaleOf([1, Math.max(2, ...epochs)], MARGIN.left, width - MARGIN.right,
        { ordinal: false });
      x.ticks = x.ticks.filter(Number.isInteger);
      const y = scaleOf(range(values, direction), HEIGHT - MARGIN.bottom, MARGIN.top, { ordinal: false });
      const marks = curves.toReversed().map(({ row, runs }) => {
        const one = (run, part) => {
          const points = run.epoch.map((epoch, i) => [x(epoch), y(run[`${part}_${kind}`][i])])
            .filter(([, at]) => Number.isFinite(at));
          const lone = points.length === 1 &&
            s("circle", { cx: points[0][0], cy: points[0][1], r: 3, class: part });
          return lone || s("path", { d: path(points), class: part });
        };
        return s("g", { ...ofRow(row), ...style(row) }, s("title", {}, label(row)),
          runs.flatMap((run) => [one(run, "train"), one(run, "val")]));
      });
      return frame(width, x, y, { title, xLabel: "epoch", yLabel, marks });
    });
  }

  const legend = h("ul", { class: "legend" });
  function fillLegend() {
    const curves = drawn();
    legend.replaceChildren(...curves.slice(0, LEGEND).map(({ row }) => {
      const swatch = s("svg", { width: 34, height: 10, "aria-hidden": "true" },
        s("path", { d: "M1 5H33", class: "val", ...style(row) }));
      return h("li", { tabindex: 0, focus: () => emphasise(row), blur: () => emphasise(null), ...ofRow(row) },
        swatch, ` ${value(row, "number") ?? ""} `, h("span", {}, label(row)));
    }));
    if (curves.length > LEGEND) legend.append(h("li", { class: "quiet" }, `and ${number(curves.length - LEGEND)} more; point at a line`));
  }
  listeners.push(fillLegend);
  dark.addEventListener("change", fillLegend);
  fillLegend();
  section.append(
    h("p", { class: "quiet" }, "Thick: validation. Thin: training, with dropout. In the order of the table, best first."),
    h("div", { class: "pair" },
      panel("loss", "Loss against epoch", "loss (nats/character)", "minimize"),
      panel("accuracy", "Accuracy against epoch", "accuracy (share right)", "maximize")),
    legend);
}

const withFigure = (states) => visible.filter((row) =>
  states.includes(value(row, "status")) && typeof value(row, objective.key) === "number")
  .sort((a, b) => a - b);
/** Completed rows in the choice, best first. */
const judged = () => withFigure(["completed"]);
/** Rows that were cut short, with the figure of their last epoch, which does not compare with that
    of a whole training. They are drawn differently, behind the others. */
const cutShort = () => withFigure(["pruned", "paused"]);
/** The best row, which breaks no constraint; undefined without one. */
const winning = () => judged().find((row) => !value(row, "breaks"));
/** All rows to draw, at most so many. */
const drawnRows = (most) => [...judged(), ...cutShort()].slice(0, most);
const isCut = (row) => value(row, "status") !== "completed";

/** From 0 (best) to 1 among the rows. */
function goodness(rows) {
  const [low, high] = range(rows.map((row) => value(row, objective.key)), objective.direction);
  return (row) => {
    const share = (value(row, objective.key) - low) / (high - low);
    return objective.direction === "minimize" ? share : 1 - share;
  };
}

function buildParameters(section) {
  for (const source of data.sources.filter(({ importances }) => importances.length)) {
    section.append(
      h("h3", {}, "What matters", data.sources.length > 1 ? `: ${source.name}` : ""),
      h("p", { class: "quiet" }, "Share of each key in what makes a configuration one of the best (PED-ANOVA)." +
        (cutShort().length ? " Pruned and paused ones count as worse than completed ones." : "")),
      h("table", { class: "bars" }, h("tbody", {}, source.importances.map(([key, share]) => {
        const bar = h("span", { class: "bar" });
        bar.style.width = `${100 * share}%`;
        return h("tr", {}, h("th", { scope: "row" }, key), h("td", {}, bar),
          h("td", { class: "number" }, `${Math.round(100 * share)} %`));
      }))));
  }
  section.append(h("h3", {}, "All keys at once"),
    h("p", { class: "quiet" }, `A line is a completed configuration, from its values to its ${objective.label}.` + only(MAX_LINES)),
    cutKey("dashed"),
    rampKey(),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "parallel coordinates" },
      chart(parallel)),
    h("h3", {}, "One key at a time"),
    h("p", { class: "quiet" }, "A dot is a completed configuration; the large one is the best." + only(MAX_DOTS)),
    cutKey("hollow"),
    h("div", { class: "slices" }, swept.map((column) => chart((width) => slice(column, width)))));
}

/** What a chart of so many rows must say. */
const only = (most) =>
  (judged().length + cutShort().length > most ? ` Only the best ${number(most)} are drawn.` : "");

/** A legend for the rows that were cut short, with a mark of each kind; null without such rows. */
function cutKey(how) {
  if (!cutShort().length) return null;
  const line = { d: "M1 7H33", stroke: "currentColor" };
  const dot = { cx: 17, cy: 7, r: 4 };
  const mark = (cut) => s("svg", { width: 34, height: 14, "aria-hidden": "true" },
    s("g", { class: how === "dashed" ? "lines parallel" : "lines" }, how === "dashed"
      ? s("path", { ...line, class: cut ? "cut" : null })
      : s("circle", cut ? { ...dot, class: "cut", stroke: "currentColor" } : { ...dot, fill: "currentColor" })));
  return h("ul", { class: "legend" },
    h("li", {}, mark(false), " completed"),
    h("li", {}, mark(true), ` ${how}: pruned or paused, with its ${objective.label} so far`));
}

/** What a row says where it is pointed at. */
const told = (row) => `${label(row)}: ${shown(value(row, objective.key))}` + (isCut(row)
  ? `, ${value(row, "status")}${value(row, "epochs") == null ? "" : ` after ${shown(value(row, "epochs"))} epochs`}`
  : "");

function parallel(width) {
  const rows = drawnRows(MAX_LINES);
  const good = goodness(rows);
  const axes = [...swept, columns[place[objective.key]]];
  const full = Math.max(width, axes.length * 96);
  const [top, bottom] = [40, HEIGHT + 10];
  const at = (index) => 44 + (index * (full - 110)) / Math.max(axes.length - 1, 1);
  const scales = axes.map((column, index) => {
    const values = rows.map((row) => value(row, column.key));
    if (index < axes.length - 1) return scaleOf(values, bottom, top, { log: column.log });
    const clamped = range(values, objective.direction);
    const inner = scaleOf(clamped, bottom, top, { ordinal: false });
    const scale = (v) => inner(Math.min(Math.max(v, clamped[0]), clamped[1]));
    return Object.assign(scale, { ticks: inner.ticks });
  });
  const marks = rows.toReversed().map((row) => {
    const points = axes.map((column, index) => [at(index), value(row, column.key)])
      .map(([x, v], index) => (v == null ? null : [x, scales[index](v)])).filter(Boolean);
    return s("path", { ...ofRow(row), d: path(points), stroke: ramp(good(row)), class: isCut(row) ? "cut" : null },
      s("title", {}, told(row)));
  });
  return s("svg", { viewBox: `0 0 ${full} ${bottom + 20}`, width: full, height: bottom + 20, role: "img",
    "aria-label": `${rows.length} configurations as lines over ${axes.map(({ key }) => key).join(", ")}` },
    s("g", { class: "lines parallel" }, marks),
    axes.map((column, index) => s("g", { class: "dimension", transform: `translate(${at(index)} 0)` },
      s("line", { y1: top, y2: bottom }),
      s("text", { class: "axis", y: 16, "text-anchor": index ? (index < axes.length - 1 ? "middle" : "end") : "start",
        x: index ? (index < axes.length - 1 ? 0 : 60) : -40 }, clipped(short(column.key), 16)),
      scales[index].ticks.map((tick) =>
        s("text", { x: 6, y: scales[index](tick), dy: "0.32em" }, clipped(tick, 10))))));
}

function slice(column, width) {
  const rows = drawnRows(MAX_DOTS).filter((row) => value(row, column.key) != null);
  const [good, first] = [goodness(rows), winning()];
  const [low, high] = range(rows.map((row) => value(row, objective.key)), objective.direction);
  const x = scaleOf(rows.map((row) => value(row, column.key)), MARGIN.left + 8, width - MARGIN.right - 8,
    { log: column.log });
  const y = scaleOf([low, high], 240 - MARGIN.bottom, MARGIN.top, { ordinal: false, count: 4 });
  const marks = rows.toReversed().map((row) => {
    const v = value(row, objective.key);
    const best = row === first;
    // What lies beyond the scale stands at its edge, as a triangle.
    const beyond = v > high || v < low;
    const [cx, cy] = [x(value(row, column.key)), y(Math.min(Math.max(v, low), high))];
    const shape = beyond ? `M${cx - 5} ${cy + 5}h10l-5 -9z` : null;
    const colour = ramp(good(row));
    const attributes = { ...ofRow(row), ...(isCut(row)
      ? { stroke: colour, class: "cut" } : { fill: colour, class: best ? "best" : null }) };
    return s(shape ? "path" : "circle",
      shape ? { ...attributes, d: shape } : { ...attributes, cx, cy, r: best ? 6 : 4 },
      s("title", {}, told(row)));
  });
  return frame(width, x, y, {
    height: 240, title: `${objective.label} against ${column.key}`, xLabel: column.key, yLabel: objective.key, marks });
}
