// The ranked table: sorted by its headings, narrowed by a filter and by states.
const STEP = 100;
const SIGNS = {
  completed: "✓", pruned: "✂", diverged: "⚡", failed: "✕", running: "…", paused: "=",
  interrupted: "‖",
};
let limit = STEP;

function buildTable(section) {
  const body = h("tbody");
  const count = h("p", { class: "quiet", role: "status" });
  const more = h("button", { type: "button", click: () => { limit += 5 * STEP; fillTable(); } });
  const headings = columns.map((column) => {
    const button = h("button", { type: "button", title: column.about, click: () => sort(column) },
      column.label);
    const numeric = column.numeric ? "number" : null;
    return h("th", { scope: "col", class: numeric, "data-key": column.key }, button);
  });
  const filter = h("input", {
    type: "search", id: "filter", autocomplete: "off", spellcheck: "false",
    placeholder: example(), input: () => choose({ terms: parseFilter(filter.value) }),
  });

  function sort(column) {
    const again = chosen.column === column.key;
    choose({ column: column.key, up: again ? !chosen.up : true });
    for (const th of headings) {
      const mine = th.dataset.key === column.key;
      if (mine) th.setAttribute("aria-sort", chosen.up ? "ascending" : "descending");
      else th.removeAttribute("aria-sort");
    }
  }

  function fillTable() {
    body.replaceChildren(...visible.slice(0, limit).map(line));
    const all = data.rows.length;
    const some = visible.length === all ? number(all) : `${number(visible.length)} of ${number(all)}`;
    count.textContent = `${some} ${all === 1 ? "configuration" : "configurations"}` +
      (visible.length > limit ? `; the first ${number(limit)} are shown` : "");
    more.hidden = visible.length <= limit;
    more.textContent = `Show ${number(Math.min(5 * STEP, visible.length - limit))} more`;
  }

  listeners.push(() => { limit = STEP; fillTable(); });
  fillTable();
  section.append(
    h("div", { class: "filters" },
      h("label", { for: "filter" }, "Filter"), filter, states()),
    count,
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "table of configurations" },
      h("table", {}, h("thead", {}, h("tr", {}, headings)), body)),
    more,
  );
}

function line(row) {
  const tuned = data.tunes.findIndex((entry) => entry.row === row);
  const cells = columns.map((column) => {
    const cell = value(row, column.key);
    if (column.key === "status") {
      return h("td", {}, h("span", { class: `state ${cell in SIGNS ? cell : ""}` },
        h("span", { "aria-hidden": "true" }, SIGNS[cell] ?? "?"), ` ${cell}`));
    }
    if (column.key === "number" && tuned >= 0) {
      const link = h("a", { href: `#tunes-${tuned}`, title: "hear its tunes",
        click: () => openTunes(tuned) }, `${cell} ♪`);
      return h("td", { class: "number" }, link);
    }
    // The name of a folder, so without commas.
    if (column.key === "number") return h("td", { class: "number" }, cell);
    const long = typeof cell === "string" && cell.length > 40;
    return h("td", { class: column.numeric ? "number" : long ? "long" : null }, shown(cell));
  });
  return h("tr", {
    "data-row": row, mouseenter: () => emphasise(row), mouseleave: () => emphasise(null),
  }, cells);
}

/** A button for each state that occurs: pressed ones are shown; none pressed: all. */
function states() {
  const counts = new Map();
  for (const row of visible) {
    const status = value(row, "status");
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  if (counts.size < 2) return null;
  return h("div", { class: "states", role: "group", "aria-label": "states to show" },
    [...counts].map(([status, count]) => {
      const button = h("button", { type: "button", "aria-pressed": "false", click: toggle },
        `${SIGNS[status] ?? "?"} ${status} ${number(count)}`);
      function toggle() {
        const pressed = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", pressed);
        pressed ? chosen.states.add(status) : chosen.states.delete(status);
        choose({});
      }
      return button;
    }));
}

function example() {
  const [first] = swept.filter(({ numeric }) => numeric);
  const value = objective.key;
  return first ? `such as ${short(first.key)}>0 ${value}<2` : `such as ${value}<2`;
}
