import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.config.registry import about
from musicgen.music import Tune, parse
from musicgen.music.counts import TuneMeasures, measure
from musicgen.music.measures import (
    MEMORISED,
    directions,
    measures,
    measures_csv,
    summarise,
)
from musicgen.music.reference import Reference

JIG = """T:A Jig
M:6/8
L:1/8
K:Em
B|:EFG B2e|dBA GFE|EFG B2e|^dBA G2B:|
|:EFG B2e|dBA GFE|EFG- GBe|^def e3:|"""


def tune(music: str, meter: str = "4/4") -> Tune:
    return parse(f"M:{meter}\nL:1/4\nK:C\n{music}")


def test_all_counts_of_a_tune() -> None:
    """Counted by hand."""
    assert measure(parse(JIG)) == TuneMeasures(
        parses=True,
        bars=9,
        bars_metered=9,
        bars_right=9,
        bars_sounding=9,
        bars_again=5,
        bars_in_loops=0,
        parts=2,
        parts_length=8 + 1 / 6,
        repeats=2,
        repeats_closed=2,
        notes=1 + 5 + 6 + 5 + 5 + 5 + 6 + 5 + 4,
        notes_in_key=42 - 2,
        pitches=9,
    )


@pytest.mark.parametrize(
    ("music", "metered", "right"),
    [
        ("CDEF|CDEF|CDEF|]", 3, 3),
        ("C|CDEF|CDEF|CDE|]", 4, 4),
        ("CDEF|CDE|CDEF|CDEF|]", 4, 3),
        ("CDEF|CDEFG|CDEF|]", 3, 2),
        ("CDEF|CDE:|C|CDEF|CDEF|]", 5, 5),
        ("V:1\nCDEF|CDEF|CDEF|\nV:2\nCDEF|CD|CDEF|", 6, 5),
        ("CDEF|[M:none]CD|CDEFG|[M:2/4]CD|CDE|CD|", 4, 3),
        ("CDEF|Z3|CDEF|", 3, 3),
        ("", 0, 0),
    ],
)
def test_bars_of_the_right_length(music: str, metered: int, right: int) -> None:
    counted = measure(tune(music))
    assert (counted.bars_metered, counted.bars_right) == (metered, right)


@pytest.mark.parametrize(
    ("music", "opened", "closed"),
    [
        ("CDEF|CDEF|]", 0, 0),
        ("CDEF:|CDEF:|", 0, 0),
        ("|:CDEF:|:CDEF:|", 2, 2),
        ("|:CDEF::CDEF:|", 2, 2),
        ("|:CDEF|1CDEF:|2CDEF|]", 1, 1),
        ("|:CDEF|CDEF|]", 1, 0),
        ("|:CDEF|:CDEF:|", 2, 1),
        ("|:CDEF:|CDEF:|", 1, 1),
        ("|:CDEF:|CDEF|:", 2, 1),
        ("|:CDEF:|CDEF::", 2, 1),
        ("V:1\n|:CDEF:|\nV:2\n|:CDEF|", 2, 1),
    ],
)
def test_repeats_that_open_and_close(music: str, opened: int, closed: int) -> None:
    counted = measure(tune(music))
    assert (counted.repeats, counted.repeats_closed) == (opened, closed)


@pytest.mark.parametrize(
    ("music", "sounding", "again"),
    [
        ("CDEF|GABc|CDEF|", 3, 2),
        ("CDEF|C D E F|CD/D/EF|", 3, 2),
        ('CDEF|"C"CDE{g}F|cdef|', 3, 2),
        ("CDEF|^CDEF|", 2, 0),
        ("[CE]DEF|CDEF|", 2, 0),
        ("z4|CDEF|z4|", 1, 0),
        ("V:1\nCDEF|\nV:2\nCDEF|", 2, 0),
    ],
)
def test_bars_that_come_again_are_counted_in_their_voice(
    music: str, sounding: int, again: int
) -> None:
    counted = measure(tune(music))
    assert (counted.bars_sounding, counted.bars_again) == (sounding, again)


def test_a_set_is_counted_together() -> None:
    training = Reference.of([parse(JIG)])
    tunes = [parse(JIG), tune("CDEF|CDE|CDEF|CDEF|]"), tune("CDEF|CDEF|]"), parse("K:C\n")]
    found = summarise(tunes, training)
    assert found["tunes"] == 4
    assert found["parses"] == 2 / 4
    assert found["bars_right"] == (9 + 3 + 2) / (9 + 4 + 2)
    assert found["repeats_closed"] == 1
    assert found["in_key"] == pytest.approx((40 + 15 + 8) / (42 + 15 + 8))
    assert found["bars"] == (9 + 4 + 2) / 4
    assert found["pitches"] == (9 + 4 + 4) / 4
    assert found["bars_again"] == (5 + 3 + 2) / 15
    assert found["loops"] == 0
    assert found["parts"] == (2 + 1 + 1 + 0) / 4
    assert found["part_bars"] == pytest.approx((8 + 1 / 6 + 15 / 4 + 2) / 4)
    assert found["longer"] == 0
    assert found["run"] == (42 + 3 + 3) / 4
    assert found["run_max"] == 42
    assert found["memorised"] == 1 / 4


def test_memorised_begins_above_its_bound() -> None:
    scale = "".join("CDFG"[n * n % 7 % 4] for n in range(MEMORISED + 1))
    training = Reference.of([tune(scale)])
    assert summarise([tune(scale)], training)["memorised"] == 1
    assert summarise([tune(scale[1:])], training)["memorised"] == 0


def test_the_training_tunes_are_at_no_distance_from_themselves() -> None:
    tunes = [parse(JIG), tune("CD/E/F|G2F2|")]
    near = summarise(tunes, Reference.of(tunes))
    far = summarise([tune("^C4|^c'4|^C4|^c'4")], Reference.of(tunes))
    for name in ("degree_distance", "interval_distance", "length_distance"):
        assert near[name] == pytest.approx(0, abs=1e-6)
        assert far[name] == pytest.approx(1)


abc = st.text('CDEFGABcdefgab|:[]12()z^=_-/ \n"{}>V:K', max_size=60)


@given(st.lists(abc.map(tune), max_size=4), st.lists(abc.map(tune), max_size=3))
def test_any_text_has_measures_in_their_range(tunes: list[Tune], training: list[Tune]) -> None:
    for one in tunes:
        counted = measure(one)
        assert 0 <= counted.bars_right <= counted.bars_metered
        assert 0 <= counted.bars_again <= counted.bars_sounding
        assert 0 <= counted.bars_in_loops <= counted.bars_sounding
        assert 0 <= counted.parts <= counted.bars
        assert 0 <= counted.repeats_closed <= counted.repeats
        assert 0 <= counted.notes_in_key <= counted.notes
        assert counted.pitches <= counted.notes <= one.notes
    found = summarise(tunes, Reference.of(training))
    assert found.pop("tunes") == len(tunes)
    assert found["run"] <= found["run_max"]
    for name in ("bars", "parts", "part_bars", "pitches", "run", "run_max"):
        assert found.pop(name) >= 0
    assert all(0 <= value <= 1 for value in found.values())


def test_tunes_longer_than_any_training_tune_are_counted() -> None:
    training = Reference.of([tune("CDEF|" * 5), tune("CDEF|" * 9)])
    assert summarise([tune("CDEF|" * 9), tune("CDEF|" * 10)], training)["longer"] == 1 / 2


def test_names_that_other_programs_read_and_their_better_ends_stay() -> None:
    """Of measures.csv, result.json and objectives, in their order."""
    assert list(measures()) == [
        "tunes",
        "parses",
        "bars_right",
        "repeats_closed",
        "in_key",
        "bars",
        "pitches",
        "bars_again",
        "loops",
        "returns_distance",
        "parts",
        "part_bars",
        "longer",
        "run",
        "run_max",
        "memorised",
        "degree_distance",
        "interval_distance",
        "length_distance",
    ]
    assert directions() == {
        "parses": "maximize",
        "bars_right": "maximize",
        "repeats_closed": "maximize",
        "loops": "minimize",
        "returns_distance": "minimize",
        "longer": "minimize",
        "memorised": "minimize",
        "degree_distance": "minimize",
        "interval_distance": "minimize",
        "length_distance": "minimize",
    }


def test_every_measure_explains_itself() -> None:
    assert all(about(each) for each in measures().values())


def test_a_row_for_each_set() -> None:
    tunes = [parse(JIG)]
    measured = summarise(tunes, Reference.of(tunes))
    text = measures_csv({"T=1, top_k=5": measured, "validation": measured})
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["set"] for row in rows] == ["T=1, top_k=5", "validation"]
    assert list(rows[0]) == ["set", *measured]
    assert rows[0]["bars_again"] == "0.555556"
    assert rows[1]["run_max"] == "42"
