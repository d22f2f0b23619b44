"""Tables of a sweep: one row per configuration with any status, best first."""

import csv
import io
import json
import math
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.errors import InputError
from musicgen.sweep.constraints import BREAKS
from musicgen.sweep.plan import Plan
from musicgen.sweep.results import EARLIER, Configuration, Row, may_be_best, rank
from musicgen.sweep.space import Space, grid_size, varied
from musicgen.sweep.trial import COMPLETED
from musicgen.system.files import write_text

if TYPE_CHECKING:
    import pandas as pd

TABLE, TABLE_MD, RUNS = "table.csv", "table.md", "runs.csv"
LAST = (BREAKS, EARLIER, "error")
ABSENT = "—"
"""The value of a key that does not apply, in a pivot."""
FRONT = 20
"""The most numbers of the front that table.md names at its top; its column marks all."""
LARGEST_PIVOT = 400
"""The most cells of a pivot; a larger one can't be read well."""


class Tables:
    """`table.csv` and `table.md` of a sweep, and `runs.csv` if there are several seeds."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder = folder
        self._plan = plan
        self._next = time.monotonic() + plan.refresh_s
        self.outdated = False
        """Whether something changed since the last writing."""

    def due_in(self) -> float | None:
        """Seconds until the next writing; None if nothing changed."""
        return max(0.0, self._next - time.monotonic()) if self.outdated else None

    def written(self, pause_s: float) -> None:
        """Record that the tables are up to date. The next writing is at least `pause_s` later."""
        self.outdated = False
        self._next = time.monotonic() + max(self._plan.refresh_s, pause_s)

    def write(
        self,
        configurations: Collection[Configuration],
        front: Collection[int] | None,
        importances: Mapping[str, float],
    ) -> list[Row]:
        """Write the files and return the rows, best first.

        front: the numbers of the configurations that no other beats; None with one objective.
        """
        rows = [configuration.row() for configuration in configurations]
        rows.sort(key=lambda row: rank(row, self._plan.objectives, self._plan.seeds))
        if front is not None:
            rows = [{**row, "front": row["number"] in front} for row in rows]
        shown = [self._spell(row) for row in rows]
        many = ["n"] if self._plan.seeds > 1 else []
        lead = ["number", "status", *self._plan.space, *many, *self._plan.objectives]
        write_text(self._folder / TABLE, as_csv(shown, lead), durable=False)
        write_text(self._folder / TABLE_MD, self._page(shown, lead, importances), durable=False)
        if self._plan.seeds > 1:
            runs = [self._spell(row) for c in configurations for row in c.run_rows()]
            write_text(
                self._folder / RUNS, as_csv(runs, ["number", "run", *lead[1:]]), durable=False
            )
        return rows

    def _spell(self, row: Row) -> Row:
        """The row with swept values as JSON if a table can't hold them, such as null and lists."""
        odd = {
            key: row[key]
            for key in self._plan.space
            if key in row and not isinstance(row[key], str | float | int)
        }
        return {**row, **{key: json.dumps(value) for key, value in odd.items()}}

    def _page(self, rows: list[Row], lead: Sequence[str], importances: Mapping[str, float]) -> str:
        objective = next(iter(self._plan.objectives))
        parts = [as_markdown(rows, lead)]
        if rows and may_be_best(rows[0]):
            keys = [key for key in self._plan.space if key in rows[0]]
            best = " ".join(f"{key}={cell(rows[0][key])}" for key in keys)
            value = f"{objective} {cell(rows[0][objective])}"
            parts.insert(0, f"Best: {best} (number {rows[0]['number']}, {value})\n")
        if front := [row for row in rows if row.get("front")]:
            named = ", ".join(str(row["number"]) for row in front[:FRONT])
            more = f" and {len(front) - FRONT:,} more" if len(front) > FRONT else ""
            parts.insert(0, f"Front (no other beats these in every objective): {named}{more}\n")
        if pair := pivoted(self._plan.space):
            parts.append(f"{objective}:\n\n{pivot(rows, *pair, objective).markdown()}")
        if importances:
            shares = [{"parameter": key, "share": share} for key, share in importances.items()]
            parts.append(f"Importance:\n\n{as_markdown(shares, [])}")
        return "\n".join(parts)


@dataclass(frozen=True)
class Table:
    """The readable content of a sweep's table.csv."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    """The rows, best first; values are those of `value_of`."""
    problems: tuple[str, ...] = ()
    """What is wrong with the file, one sentence each."""

    @classmethod
    def read(cls, folder: Path) -> "Table":
        """The table in a sweep's folder; without columns if it is not written yet."""
        path, rows, problems = folder / TABLE, [], []
        columns: tuple[str, ...] = ()
        try:
            with path.open(newline="", encoding="utf-8", errors="replace") as file:
                csv.field_size_limit(1 << 24)
                reader = csv.DictReader(file)
                columns = tuple(reader.fieldnames or ())
                for line in reader:
                    if None in line or None in line.values() or not line["number"].isdecimal():
                        problems.append(f"{TABLE} has a row that was cut short; it is left out")
                    else:
                        rows.append(
                            {
                                # A digest stays text, although it may look like a number.
                                key: (text or None) if key.endswith("digest") else value_of(text)
                                for key, text in line.items()
                            }
                        )
        except FileNotFoundError:
            pass
        except (OSError, KeyError, csv.Error) as error:
            problems.append(f"{TABLE} could not be read to its end ({error})")
        return cls(columns, tuple(rows), tuple(problems))


def read_frame(folder: Path) -> "pd.DataFrame":
    """The table in a sweep's folder. Raises InputError before it is first written."""
    import pandas as pd  # slow to import, and a driver does not need it

    path = folder / TABLE
    if not path.is_file():
        raise InputError(f"{path} does not exist; wait for a trial to end")
    # Only an empty cell is missing: a swept value may be the text "None" or "NA".
    return pd.read_csv(path, keep_default_na=False, na_values=["", "nan"])


def value_of(text: str) -> Any:
    """The value of a table's cell: None if it is empty, a finite number, or text."""
    if not text:
        return None
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else text
    return text


def swept_value(cell: Any) -> Any:
    """The value of a swept key from its cell, where lists and null are JSON."""
    if isinstance(cell, str) and (cell == "null" or cell.startswith(("[", "{"))):
        with suppress(ValueError):
            return json.loads(cell)
    return cell


@dataclass(frozen=True)
class Pivot:
    """A table of one value over two parameters; a cell without a value is None."""

    down: str
    across: str
    down_values: tuple[Any, ...]
    across_values: tuple[Any, ...]
    cells: tuple[tuple[Any, ...], ...]
    """One tuple per value of `down`."""

    def markdown(self) -> str:
        corner = f"{self.down} \\ {self.across}"
        rows = [
            {corner: down, **dict(zip(map(cell, self.across_values), line, strict=True))}
            for down, line in zip(self.down_values, self.cells, strict=True)
        ]
        return as_markdown(rows, [corner])


def pivoted(space: Space) -> tuple[str, str] | None:
    """The two keys that a sweep varies; None if it varies another number of keys, or if their pivot
    is too large (LARGEST_PIVOT)."""
    keys = varied(space)
    if len(keys) != 2 or not 0 < grid_size(space) <= LARGEST_PIVOT:
        return None
    return keys[0], keys[1]


def pivot(rows: Iterable[Row], down: str, across: str, value: str) -> Pivot:
    """`value` of the completed rows over two parameters, both in the order of the sweep.

    If several rows have the same cell, the first counts, which is the best one if the rows are
    ranked. A key that does not apply to a row has the value ABSENT there.
    """
    rows = [{down: ABSENT, across: ABSENT, **row} for row in rows]
    in_order = sorted(rows, key=lambda row: int(row["number"]))
    downs = {cell(row[down]): row[down] for row in in_order}
    acrosses = {cell(row[across]): row[across] for row in in_order}
    found: dict[tuple[str, str], Any] = {}
    for row in rows:
        if row["status"] == COMPLETED:
            found.setdefault((cell(row[down]), cell(row[across])), row.get(value))
    cells = tuple(tuple(found.get((d, a)) for a in acrosses) for d in downs)
    return Pivot(down, across, tuple(downs.values()), tuple(acrosses.values()), cells)


def columns(rows: Iterable[Row], lead: Sequence[str]) -> list[str]:
    """All keys of the rows: first those of `lead` that occur, then the others in the order in which
    they occur, with errors last."""
    found = dict.fromkeys(key for row in rows for key in row)
    middle = [key for key in found if key not in lead and key not in LAST]
    return [*(k for k in lead if k in found), *middle, *(k for k in LAST if k in found)]


def as_csv(rows: Sequence[Row], lead: Sequence[str]) -> str:
    """Rows as CSV with full precision; the cell of a missing value is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns(rows, lead) or list(lead), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_markdown(rows: Sequence[Row], lead: Sequence[str]) -> str:
    """Rows as a Markdown table; numbers have five digits."""
    keys = columns(rows, lead) or list(lead)
    lines = [keys, ["---"] * len(keys), *([cell(row.get(key)) for key in keys] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(value: Any) -> str:
    """A value as the text of a Markdown cell."""
    if value is None:
        return ""
    text = f"{value:.5g}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "\\|").split())
