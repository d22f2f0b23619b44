// Several objectives: the configurations that no other beats in all of them.
const front = {
  objectives: data.objectives.filter(({ key }) => key in place),
  holds: (row) => String(value(row, "front")).toLowerCase() === "true",
};

function buildFront(section) {
  const [first, ...others] = front.objectives;
  section.append(
    h("p", { class: "quiet" }, `A dot is a completed configuration. Large, on the line: no other beats it in every objective (${
      front.objectives.map(({ label, direction }) => `${label}: ${direction === "minimize" ? "lower" : "higher"} is better`).join("; ")}).`),
    h("div", { class: "pair" }, others.map((other) => chart((width) => frontChart(first, other, width)))));
}

const WIDE = { ...MARGIN, left: 88 };

/** Two objectives against each other. With more than two, the front need not be one line here. */
function frontChart(across, up, width) {
  const rows = judged().filter((row) => typeof value(row, up.key) === "number").slice(0, MAX_DOTS);
  const scale = ({ key, direction }, from, to) => {
    const [low, high] = range(rows.map((row) => value(row, key)), direction);
    const best = rows.filter(front.holds).map((row) => value(row, key));
    return scaleOf([Math.min(low, ...best), Math.max(high, ...best)], from, to, { ordinal: false });
  };
  const x = scale(across, WIDE.left + 8, width - WIDE.right - 8);
  const y = scale(up, HEIGHT - WIDE.bottom, WIDE.top);
  const at = (row) => [x(value(row, across.key)), y(value(row, up.key))];
  const best = rows.filter(front.holds).sort((a, b) => at(a)[0] - at(b)[0]);
  const stairs = best.flatMap((row, index) => {
    const [here, there] = [at(row), best[index + 1] == null ? null : at(best[index + 1])];
    if (!there) return [here];
    // Between two of them, the worse of both values is what the front reaches.
    return across.direction === "minimize" ? [here, [there[0], here[1]]] : [here, [here[0], there[1]]];
  });
  const dots = rows.toReversed().map((row) => {
    const [cx, cy] = at(row);
    const holds = front.holds(row);
    return s("circle", { ...ofRow(row), cx, cy, r: holds ? 6 : 4, fill: ramp(holds ? 0 : 0.75), class: holds ? "best" : null },
      s("title", {}, `${label(row)}: ${front.objectives.map(({ key, label }) => `${label} ${shown(value(row, key))}`).join(", ")}`));
  });
  const marks = [...(front.objectives.length === 2 ? [s("path", { d: path(stairs), class: "staircase" })] : []), ...dots];
  return frame(width, x, y, {
    title: `${up.label} against ${across.label}`, xLabel: across.label, yLabel: up.label, marks, margin: WIDE });
}
