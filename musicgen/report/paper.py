"""The table and the curves of a report as files for a paper or a pull request."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from musicgen.report.content import Ranked
from musicgen.report.curves import LARGEST, label, plot, read, save
from musicgen.sweep.record import SweepRecord
from musicgen.sweep.table import TABLE, TABLE_MD, as_csv, as_markdown, cell
from musicgen.system.files import write_text

_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
_SPECIAL = re.compile("|".join(map(re.escape, _TEX)))
MAX_CELL = 60
"""The most characters in a cell of a LaTeX table, which does not break lines in cells."""


def write_tables(data: Mapping[str, Any], out: Path) -> None:
    """Write table.csv, table.md and table.tex of the page's table.

    In a sweep's own folder only table.tex is written: the driver of the sweep writes the others.
    """
    keys = [column["key"] for column in data["columns"]]
    rows = [
        {key: value for key, value in zip(keys, row, strict=True) if value is not None}
        for row in data["rows"]
    ]
    if not SweepRecord.within(out):
        write_text(out / TABLE, as_csv(rows, keys))
        write_text(out / TABLE_MD, as_markdown(rows, keys))
    write_text(out / "table.tex", as_tex(data["columns"], data["rows"]))


def as_tex(columns: Sequence[Mapping[str, Any]], rows: Sequence[Sequence[Any]]) -> str:
    """The rows as a longtable of LaTeX, which needs the packages booktabs and longtable."""
    kept = [index for index, column in enumerate(columns) if column["key"] != "error"]
    align = "".join("r" if columns[index]["numeric"] else "l" for index in kept)
    heading = [_tex(columns[index]["label"]) for index in kept]
    lines = [[_tex(row[index]) for index in kept] for row in rows]
    body = "".join(f"{' & '.join(line)} \\\\\n" for line in lines)
    return (
        f"\\begin{{longtable}}{{{align}}}\n\\toprule\n{' & '.join(heading)} \\\\\n"
        f"\\midrule\n\\endhead\n{body}\\bottomrule\n\\end{{longtable}}\n"
    )


def _tex(value: Any) -> str:
    text = f"{value:.5g}" if isinstance(value, float) else cell(value).replace("\\|", "|")
    short = "".join(c for c in text[:MAX_CELL] if c.isprintable())
    return _SPECIAL.sub(lambda match: _TEX[match[0]], short)


def write_curves(ranked: Sequence[Ranked], keys: Sequence[str], out: Path) -> None:
    """Write curves.png, curves.svg and curves.pdf of the best configurations that have begun.

    Nothing is written if none has begun. In a sweep's own folder only curves.pdf is written: the
    driver of the sweep writes the others.
    """
    names: dict[int, str] = {}
    parts: list[pd.DataFrame] = []
    for place, (source, row) in enumerate(ranked):
        if found := list(read(place, source.run_folders(row))):
            parts += found
            known = [key for key in keys if row.get(key) is not None]
            names[place] = label(row, known) or source.name.replace("$", r"\$")
        if len(names) == LARGEST:
            break
    if parts:
        kinds = ("pdf",) if SweepRecord.within(out) else ("png", "svg", "pdf")
        save(plot(pd.concat(parts, ignore_index=True), names), out, kinds)
