"""Labels of characters, read off tunes whose answers are known."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musicgen.interpret.annotate import annotate, bar_lines
from musicgen.interpret.annotations import ABSENT, annotations
from musicgen.interpret.units import marked
from tests.interpret.tune import TUNE


def where(name: str, answer: str, text: str = TUNE) -> str:
    """The characters with this label."""
    labels = annotate(text)[name]
    number = annotations()[name].classes.index(answer)
    return "".join(c for c, label in zip(text, labels, strict=True) if label == number)


def test_header_and_fields_are_labelled() -> None:
    assert where("header", "header") == TUNE[len("<start>\n") : TUNE.index("|:")]
    assert where("header", "body") == TUNE[TUNE.index("|:") : -len("\n<end>\n")]
    assert where("field", "T") == "T:A | title\n"
    assert where("field", "K") == "K:G\n"
    assert (annotate(TUNE)["header"][:8] == ABSENT).all()


def test_chords_accidentals_endings_and_repeats_are_labelled() -> None:
    assert where("chord symbol", "yes") == '"Am"'
    assert where("accidental", "yes") == "^E"
    assert where("ending", "first").strip() == "cBAG"
    assert where("ending", "later").strip() == "G4"
    assert where("repeated", "yes") == '"Am"CD^EFGABc cBAG G4'
    assert where("repeated", "no") == "\nACDEFGABccBAGcBAGCDEF"


def test_the_position_in_the_bar_counts_an_upbeat_as_a_bars_end() -> None:
    assert where("bar position", "3/8") == "DABDABBD"
    # The pickup's one crotchet is the last of its bar.
    assert where("bar position", "7/8") == "FcG\nAFcGGF"


def test_an_overlay_has_places_in_the_bar_of_its_own() -> None:
    text = TUNE.replace("CDEF|G", "CDEF & G3A|G", 1)
    assert where("bar position", "7/8") == "FcG\nAFcGGF"
    assert where("bar position", "7/8", text) == "FcG\nAFAcGGF"
    assert bar_lines(text) == [
        place + 6 * (place > TUNE.index("CDEF|G")) for place in bar_lines(TUNE)
    ]


def test_phrases_begin_at_a_section_and_every_four_bars_after_its_pickup() -> None:
    assert where("phrase start", "yes") == '"Am"CD^EFCDEFCDEF'


def test_the_distance_to_the_end_is_known_of_whole_tunes_only() -> None:
    assert where("to end", "0-7") == "|CDEF|]"
    cut = TUNE[: TUNE.index("||")]
    assert (annotate(cut)["to end"] == ABSENT).all()
    assert (annotate(cut)["header"] != ABSENT).any()


def test_bar_lines_are_found() -> None:
    places = bar_lines(TUNE)
    assert "".join(TUNE[place] for place in places) == "||:|||||||"
    assert TUNE[places[-1] :].startswith("|]")


def test_several_tunes_stand_side_by_side() -> None:
    both = annotate(TUNE + TUNE)
    for name, labels in annotate(TUNE).items():
        assert np.array_equal(both[name], np.concatenate([labels, labels]))
    assert marked("cut off\n<end>\n" + TUNE + TUNE + "<start>\nX:1", 9) == [TUNE, TUNE]
    assert marked(TUNE + TUNE, 1) == [TUNE]


@given(st.text(alphabet='<start>\n|:]["^A2K:CM4/d%', max_size=200))
def test_any_text_is_labelled(text: str) -> None:
    for name, labels in annotate("<start>\n" + text).items():
        assert len(labels) == len(text) + 8
        assert labels.min(initial=0) >= ABSENT
        assert labels.max(initial=0) < len(annotations()[name].classes)
