// The rows of the table, what of them is chosen, and who wants to know.
const columns = data.columns;
const place = Object.fromEntries(columns.map((column, index) => [column.key, index]));
const value = (row, key) => data.rows[row][place[key]];
const objective = data.objective;
const swept = columns.filter((column) => column.swept);

const chosen = { terms: [], states: new Set(), column: null, up: true };
const listeners = [];
let visible = data.rows.map((_, index) => index);

const short = (key) => key.split(".").pop();
const names = new Map();
for (const { key } of swept) names.set(short(key), (names.get(short(key)) ?? 0) + 1);

const sourceOf = (row) => "source" in place
  ? data.sources.find(({ name }) => name === value(row, "source"))
  : data.sources[0];

/** A configuration in a few words: its swept values. */
function label(row) {
  const { name, keys } = sourceOf(row);
  const parts = swept
    .filter(({ key }) => (data.sources.length === 1 || keys.includes(key)) && value(row, key) != null)
    .map(({ key }) => `${names.get(short(key)) > 1 ? key : short(key)}=${shown(value(row, key))}`);
  return [...(data.sources.length > 1 || !parts.length ? [name] : []), ...parts].join("  ");
}

const OPERATORS = {
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => a === b,
};

/** `hidden>=100 dropout=0.1 adam` as tests of a row; the row must pass them all. */
function parseFilter(text) {
  return text.split(/\s+/).filter(Boolean).map((term) => {
    const [, name, operator, wanted] = term.match(/^([^<>=]+)(<=|>=|<|>|=)(.+)$/) ?? [];
    const column = name && columns.find(({ key }) => key === name || key.endsWith(`.${name}`));
    if (column) {
      const compare = OPERATORS[operator];
      const wantedNumber = Number(wanted);
      return (row) => {
        const found = value(row, column.key);
        return typeof found === "number" && !Number.isNaN(wantedNumber)
          ? compare(found, wantedNumber)
          : found != null && compare(String(found), wanted);
      };
    }
    const word = term.toLowerCase();
    return (row) => data.rows[row].some((cell) => shown(cell).toLowerCase().includes(word));
  });
}

function choose(change) {
  Object.assign(chosen, change);
  const index = chosen.column && place[chosen.column];
  visible = data.rows.map((_, row) => row).filter((row) =>
    (!chosen.states.size || chosen.states.has(value(row, "status"))) &&
    chosen.terms.every((test) => test(row)));
  if (chosen.column) visible.sort((a, b) => compareCells(data.rows[a][index], data.rows[b][index]));
  for (const listener of listeners) listener();
}

/** Numbers before texts, and what is missing last, whichever way the order goes. */
function compareCells(a, b) {
  if (a == null || b == null) return (a == null) - (b == null);
  const order = typeof a === typeof b && typeof a === "number"
    ? a - b
    : (typeof a === "string") - (typeof b === "string") ||
      String(a).localeCompare(String(b), "en", { numeric: true });
  return chosen.up ? order : -order;
}

/** Show one row in every chart and in the table; null: none. */
function emphasise(row) {
  for (const element of document.querySelectorAll(".hot")) element.classList.remove("hot");
  document.body.classList.toggle("picking", row != null);
  if (row == null) return;
  for (const element of document.querySelectorAll(`[data-row="${row}"]`)) {
    element.classList.add("hot");
    if (element.parentNode.classList.contains("lines")) element.parentNode.append(element);
  }
}
