"""The Session's dump, with tunes made up for this test: its own licence bars it from many uses."""

import csv
import io
import json

import pytest

from musicgen.corpus.session import read_csv, read_json
from musicgen.corpus.setting import Setting
from musicgen.corpus.source import UnreadableError

COLUMNS = (
    *("tune_id", "setting_id", "name", "type", "meter", "mode"),
    *("abc", "date", "username", "composer"),
)
ROWS = [
    (
        "7",
        "7",
        "Test, The",
        "slip jig",
        "9/8",
        "Gmajor",
        '|:"G"GAB "D"def gfe:|\r\n\r\nK:D\r\nd3 A3 F3|%x',
    ),
    ("7", "9", "Test, The", "slip jig", "9/8", "Edorian", "X: 1\r\nT: Test\r\nL: 1/4\r\nEFG d:|\\"),
    ("12", "13", "100% Pure", "reel", "4/4", "Amixolydian", "ABcd\n!efga"),
    ("13", "14", "No music", "reel", "4/4", "Amixolydian", "z8"),
]
RECORDS = [dict(zip(COLUMNS, (*row, "2020-01-01 00:00:00", "me", ""), strict=True)) for row in ROWS]

SETTINGS = [
    Setting(
        'T:Test, The\nR:slip jig\nM:9/8\nL:1/8\nK:G\n|:"G"GAB "D"def gfe:|\nK:D\nd3 A3 F3|',
        "thesession 7",
    ),
    Setting("T:Test, The\nR:slip jig\nM:9/8\nL:1/8\nK:Edor\nL:1/4\nEFG d:|", "thesession 7"),
    Setting("T:100\\% Pure\nR:reel\nM:4/4\nL:1/8\nK:Amix\nABcd\nefga", "thesession 12"),
]


def test_csv_and_json_hold_the_same_settings() -> None:
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, COLUMNS)
    writer.writeheader()
    writer.writerows(RECORDS)
    for reading in (read_csv(table.getvalue()), read_json(json.dumps(RECORDS))):
        assert reading.settings == SETTINGS
        assert reading.left_out["tunes without notes"] == 1


def test_numbers_and_nulls_are_taken_in() -> None:
    record = {**RECORDS[0], "tune_id": 7, "type": None}
    (setting,) = read_json(json.dumps([record])).settings
    assert setting == Setting(SETTINGS[0].text.replace("R:slip jig\n", ""), "thesession 7")


def test_half_a_surrogate_pair_can_be_written() -> None:
    (setting,) = read_json(json.dumps([{**RECORDS[0], "name": "a\ud800b"}])).settings
    assert setting.text.startswith("T:a?b\n")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[" * 100_000,
        "3",
        "[3]",
        '{"abc": "ABc"}',
        '[{"abc": "ABc"}]',
        json.dumps([RECORDS[0], {}]),
    ],
)
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        read_json(text)


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "version https://example.org/v1\noid 1\n", "a\n" + "x" * 200_000]
)
def test_another_table_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        read_csv(text)
