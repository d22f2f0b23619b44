"""Our reading of real tunes against abc2midi's (measured with 4.84 of January 2023, Debian's)."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from musicgen.music import parse
from tests.music.corpora import folk_tunes, report_tunes
from tests.music.judge import ask, difference, play, with_explicit_repeats

pytestmark = pytest.mark.skipif(
    shutil.which("abc2midi") is None, reason="needs abc2midi: apt install abcmidi"
)

SMALL = [
    "CDEF|GABc|",
    "G>AB<c d>>e f<<g|a>{g}b (ab)(ba)|",
    "(3CDE (3:2:2C2D (5CDEFGA|(2CD (4CDEF z2|",
    "c/d//e/4f3/2 g3/|",
    "^c c C c|c_B=B^b|[K:F]BE[K:none]BE|",
    "^c8-|c4-c4|[CEG]4-[CEG]4|[C-E]4C4|",
    "[CEG]2[C2E2]2z2|x2Z2|",
    "|:CDEF|1 GABc:|2 cBAG|]",
    "CDEF:|\n|:GABc:|",
    "CDEF::GABc:|",
    "|:C4|1,3 D4:|2,4 E4:|",
    "|:C4|[1 D4:|[2 E4:|[3 F4||",
    "[M:3/4]C3 D3|[L:1/16]EFGA|",
    "{cd}C4 {/c}D4|.C.D !trill!E2|",
    '"Am7"C2 "^slow"D2|uCvD EF|',
    "V:1\nCDEF|\nV:2\nC,D,E,F,|\nV:1\nGABc|\nV:2\nG,A,B,C|",
    "C8 & E4 G4|C8|",
    "C8 & E4 G4 & c8|D8&F8|",
    "|:C8|1 D8&F8:|2 G8 & E4 E4|]",
    "^C8 & C4 E4|C8 & _E8|",
    "C8-&E8-|C8&E8|",
    "C8 & E3>F3 (3GAB|^c8 & z4 [CE]4|",
    "V:1\nC8&E8|\nV:2\nG8|\nV:1\nD8|\nV:2\nA4&_B4|\n",
    "C8|(&D8|E8 & F8|G8 &) |A8|",
]
HEADERS = [
    "M:6/8\nK:Edor\n",
    "M:2/4\nK:Bbmix\n",
    "M:C|\nL:1/4\nK:F#m\n",
    "M:9/8\nK:D =c ^g\n",
    "M:3/4\nK:HP\n",
    "M:4/4\nK:Ephr\n",
    "M:4/4\nK:C transpose=-12\n",
    "M:4/4\nK:C octave=1\n",
    "M:4/4\nK:C bass middle=d\n",
    "M:4/4\nV:1 octave=1\nK:C octave=-1\nV:1\n",
    "M:4/4\nK:D=c\n",
    "M:4/4\nK:Em^g\n",
    "M:4/4\nK:D exp =c ^g\n",
    "M:4/4\nK:Hp\n",
    "M:4/4\nV:1 transpose=2\nK:C transpose=3\nV:1\n",
    "M:4/4\nK:G clef=treble-8\n",
    "M:3\nK:G\n",
    "M:2\nL:1/4\nK:G\n",
]


@pytest.mark.parametrize("music", SMALL)
def test_each_construct_plays_as_abc2midi_plays_it(music: str, tmp_path: Path) -> None:
    abc = f"T:t\nM:4/4\nL:1/8\nK:C\n{music}\n"
    assert difference(play(parse(abc)), ask(abc, tmp_path).voices) == ""


@pytest.mark.parametrize(
    "music", ["E2+E3A3+A3|+^C2^E2+C2E4|", "+C3/2E3/2+C/+C4E4+-+C4E4+|+C2+ D2|z2+E4c4+2|"]
)
def test_chords_of_abc_1_6_play_as_abc2midi_plays_them(music: str, tmp_path: Path) -> None:
    """ABC 1.6; abc2midi reads it when told to (-OCC)."""
    abc = f"T:t\nM:none\nL:1/8\nK:C\n{music}\n"
    assert difference(play(parse(abc)), ask(abc, tmp_path, "-OCC").voices) == ""


@pytest.mark.parametrize("header", HEADERS)
def test_keys_and_clefs_of_the_header_play_as_abc2midi_plays_them(
    header: str, tmp_path: Path
) -> None:
    abc = header + "CDEFGABcdefgab|^F=F_F|\n"
    assert difference(play(parse(abc)), ask(abc, tmp_path).voices) == ""


@pytest.mark.parametrize("order", ["ABA", "AABB", "(A2B)2A", "A(BA)3"])
def test_part_orders_play_as_abc2midi_plays_them(order: str, tmp_path: Path) -> None:
    abc = f"M:4/4\nL:1/4\nP:{order}\nK:C\nP:A\n|:CDEF:|\nP:B\nGABc|\n"
    assert difference(play(parse(abc)), ask(abc, tmp_path).voices) == ""


def compare(tunes: list[str], folder: Path) -> tuple[int, int, int, list[str]]:
    """(Tunes that the judge plays without complaint, equal, equal with the repeats spelled out,
    what is left)."""
    clean = equal = spelled = 0
    rest = []
    for abc in tunes:
        verdict = ask(abc, folder)
        if not verdict.clean:
            continue
        clean += 1
        tune = parse(abc)
        ours = play(tune)
        if not (why := difference(ours, verdict.voices)):
            equal += 1
        elif not difference(ours, ask(with_explicit_repeats(tune), folder).voices):
            spelled += 1
        else:
            rest.append(f"{tune.field('T')}: {why}")
    return clean, equal, spelled, rest


@pytest.mark.slow
def test_one_real_tune_in_sixty_plays_as_abc2midi_plays_it(tmp_path: Path) -> None:
    clean, equal, spelled, rest = compare(folk_tunes()[7::60], tmp_path)
    assert clean >= 30
    assert equal + spelled == clean, rest
    assert equal >= 0.9 * clean


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tunes", "least_equal"),
    [(folk_tunes, 0.98), (report_tunes, 0.93)],
    ids=["folk", "report"],
)
def test_real_tunes_play_as_abc2midi_plays_them(
    tunes: Callable[[], list[str]], least_equal: float, tmp_path: Path
) -> None:
    """What differs is one thing: the place of a missing `|:` (see with_explicit_repeats)."""
    clean, equal, spelled, rest = compare(tunes(), tmp_path)
    share = equal / clean
    print(
        f"{clean} clean, {equal} equal ({share:.2%}), {spelled} more once repeats are spelled out"
    )
    assert not rest
    assert share >= least_equal


@pytest.mark.slow
@pytest.mark.parametrize("tunes", [folk_tunes, report_tunes], ids=["folk", "report"])
def test_nearly_every_text_of_a_corpus_has_notes(tunes: Callable[[], list[str]]) -> None:
    """Of the report's corpus, twelve texts of 1,124 have no music in them."""
    texts = tunes()
    silent = sum(not parse(text).notes for text in texts)
    assert silent <= 0.011 * len(texts)
