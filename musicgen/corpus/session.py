"""The dump of thesession.org: `tunes.csv` or `tunes.json`, one record for each setting."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from musicgen.corpus.setting import Reading, Setting
from musicgen.corpus.source import UnreadableError
from musicgen.corpus.tunebook import clean, without_comment

COLUMNS = ("tune_id", "name", "type", "meter", "mode", "abc")
"""Columns that are read; the dump has more."""


def read_csv(text: str) -> Reading:
    """Settings of `tunes.csv`. Raises UnreadableError if it is another table."""
    try:
        return _read(list(csv.DictReader(io.StringIO(text, newline=""))))
    except csv.Error as error:
        raise UnreadableError(f"the file is not CSV as The Session writes it ({error})") from error


def read_json(text: str) -> Reading:
    """Settings of `tunes.json`. Raises UnreadableError if it holds something else."""
    try:
        records = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"the file is not JSON ({error})") from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise UnreadableError("the file is not a JSON list of The Session's settings")
    return _read(records)


def _read(records: Iterable[dict[str, Any]]) -> Reading:
    reading = Reading()
    for record in records:
        if missing := [name for name in COLUMNS if name not in record]:
            raise UnreadableError(f"a record has no {missing[0]}, as The Session's would")
        name, rhythm, meter, mode, abc = (_text(record[key]) for key in COLUMNS[1:])
        header = [
            f"T:{name}".replace("%", r"\%"),
            f"R:{rhythm}",
            f"M:{meter}",
            "L:1/8",
            f"K:{mode}",
        ]
        music = [without_comment(line, reading.left_out) for line in abc.split("\n")]
        if (text := clean(header + music, reading.left_out)) is not None:
            reading.settings.append(Setting(text, f"thesession {record['tune_id']}"))
    return reading


def _text(value: object) -> str:
    """A field with LF line ends. JSON can hold half a surrogate pair, which no file can."""
    text = "" if value is None else str(value)
    return text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
