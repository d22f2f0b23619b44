"""The constraint by itself: random walks through what it allows, real tunes, primes, limits."""

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from musicgen.corpus.tunebook import read_tunebook
from musicgen.errors import InputError
from musicgen.music import parse
from musicgen.music.constraint import BatchConstraint
from musicgen.music.constraint.automaton import allowed, allowed_between, step
from musicgen.music.constraint.batch import START
from musicgen.music.constraint.rules import END, Rules
from musicgen.music.constraint.table import LONGEST, table
from tests.music.corpora import folk_tunes
from tests.music.judge import ask
from tests.music.walks import VOCABULARY, complaints, walk

HEADER = "T:Walk\nM:4/4\nL:1/8\nK:D\n"
BAR_LINES = ("|", "|]", "||", ":|", ":||", ":|]")

TUNES = [
    "X:1\nT:Jig\nR:jig\nM:6/8\nL:1/8\nK:G\nD|GAG BAB|dBG G2D|GAG BAB|A3 A2:|\n|:B|d3 e3|dBG A2:|\n",
    "M:2/4\nL:1/8\nK:A\nE2|A>c e>c|d/c/B/A/ E2|A>c (3efe|1 A2:|2 A2||\n",
    "M:C|\nL:1/8\nK:Edor\n|:E2BE dEBE|[1 E4 E4:|[2 E4 z4|]\n",
    "M:3/4\nL:1/4\nQ:1/4=120\nK:Bbm\nP:A\n{c}d2 ~e|[M:2/4]f- f|[K:C]!f![ceg]2|[ce]2|]\n",
    "M:4/4\nL:1/8\nK:G\n|:c8|\n|1 d8|\n|c8:|2 e8|\n|f8|]\n",
    'M:9/8\nK:D mix\n(A2d) f2e def-|f3 A3 .B.c.d::\n"^slow"a3 a3 Tg3|\n',
    "R: hornpipe\nM:4/4\nL:1/8\nK:C\nc>dc<d C>Bc>B|\\\n_e=e ^f/^^f/c C,,2 z2|\n",
    'T:a <b> \\"c\nM:4/4\nL:1/16\nK:none\nc16|\nW:words\n',
]


def drawn(bars: bool, tunes: int, seed: int, max_chars: int, prime: str = "") -> list[str]:
    constraint = BatchConstraint(
        VOCABULARY, tunes, bars=bars, max_chars=max_chars, prime=START + prime
    )
    texts = walk(constraint, tunes, seed)
    assert max(map(len, texts)) <= max_chars
    return [prime + text.removesuffix(END) for text in texts]


def refusal(text: str, bars: bool) -> str:
    try:
        BatchConstraint(VOCABULARY, 1, bars=bars, max_chars=1000, prime=START + text)
    except InputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("prime", ["", HEADER])
@pytest.mark.parametrize("bars", [False, True])
def test_walks_are_music(bars: bool, prime: str) -> None:
    for text in drawn(bars, 6, 1, 500, prime):
        assert not complaints(text, bars), text
        if bars:
            music = [line for line in text.splitlines() if not re.match("[A-Za-z]:", line)]
            assert music[-1].rstrip(" \\").endswith(BAR_LINES), text


@pytest.mark.skipif(shutil.which("abc2midi") is None, reason="needs abc2midi: apt install abcmidi")
@pytest.mark.parametrize("bars", [False, True])
def test_walks_please_the_judge(bars: bool, tmp_path: Path) -> None:
    for text in drawn(bars, 6, 2, 500, HEADER):
        verdict = ask(text, tmp_path)
        assert verdict.voices
        said = [line for line in verdict.complaints if "error" in line.lower()]
        said += [line for line in verdict.complaints if "time units" in line and bars]
        assert not said, text


@pytest.mark.parametrize(
    ("rhythm", "music", "refused"),
    [
        ("reel", "BA>F", ""),
        ("hornpipe", "BA>F", ">"),
        ("hornpipe", "B2A>F", ""),
        ("reel", "A[K:G]>F", ">"),
        ("reel", "~A3>F", ">"),
        ("reel", "~A>F", ""),
        ("reel", "A-A", ""),
        ("reel", "A-a", "a"),
        ("reel", "AB-A", "A"),
        ("reel", "A,-A,", ""),
        ("reel", 'A"^b"-A', "-"),
    ],
)
def test_the_constraint_refuses_what_players_stumble_over(
    rhythm: str, music: str, refused: str
) -> None:
    known, state, stop = table(VOCABULARY, True), 0, ""
    for character in f"R:{rhythm}\nM:4/4\nL:1/8\nK:D\n|:{music}":
        number = VOCABULARY.index(character)
        if not known.allows(state, number):
            stop = character
            break
        state = known.step(state, number)
    assert stop == refused


@settings(deadline=None, max_examples=25)
@given(st.booleans(), st.integers(40, 150), st.integers(0, 2**32))
def test_walks_end_in_time(bars: bool, max_chars: int, seed: int) -> None:
    for text in drawn(bars, 2, seed, max_chars):
        assert parse(text).notes


def test_masks_are_what_the_automaton_accepts() -> None:
    drawn(True, 3, 4, 300)
    known = table(VOCABULARY, True)
    rules = Rules(VOCABULARY, True)
    for state in known._states[::7]:
        may = {c for c in VOCABULARY if step(rules, state, c) is not None}
        assert allowed(rules, state, lambda ended: allowed_between(rules, ended)) == may, state


@pytest.mark.parametrize("bars", [False, True])
def test_ways_out_are_short(bars: bool) -> None:
    drawn(bars, 3, 5, 300)
    known = table(VOCABULARY, bars)
    assert max(known.exit(state) for state in range(0, len(known) * 16, 48)) <= LONGEST


@pytest.mark.parametrize("bars", [False, True])
@pytest.mark.parametrize("text", TUNES)
def test_well_formed_constructs_are_accepted(text: str, bars: bool) -> None:
    assert not parse(text).problems
    assert not refusal(text, bars)


@pytest.mark.parametrize(("bars", "least"), [(False, 0.7), (True, 0.55)])
def test_most_real_tunes_are_accepted(bars: bool, least: float) -> None:
    """Most of what people wrote may be written; experiments/LOG.md lists what may not."""
    reading = read_tunebook("\n\n".join(folk_tunes()[::40]))
    texts = [setting.text + "\n" for setting in reading.settings]
    clean = [text for text in texts if not parse(text).problems]
    accepted = sum(not refusal(text, bars) for text in clean)
    assert accepted >= least * len(clean) > 30


@pytest.mark.parametrize(
    ("music", "at"),
    [
        ("c8|c4 c4|", ""),
        ("c8|c4 c5|", "line 5, column 9"),
        ("c8|c4|c", "line 5, column 7"),
        ("a]", "line 5, column 2"),
        ("A4-B4|", "line 5, column 4"),
    ],
)
def test_where_a_prime_leaves_music(music: str, at: str) -> None:
    said = refusal(HEADER + music, True)
    assert at in said
    assert bool(said) == bool(at)


def test_refusals_name_the_way_out() -> None:
    for prime in ("T:x<end>", HEADER + "c8|\n<end>", "é", "\0", "% only a comment\n"):
        said = refusal(prime, False)
        assert said.startswith("prime must")
        assert "\n" not in said


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet=st.sampled_from('\nABc|:[]12(){}"!~z-<>^/\\ MK'), max_size=12))
def test_any_prime_is_gone_on_with_or_refused(music: str) -> None:
    prime = HEADER + music
    if not refusal(prime, False):
        for text in drawn(False, 1, 0, 120, prime):
            assert not complaints(text, False)


def test_a_limit_too_low_says_the_least() -> None:
    with pytest.raises(InputError, match="max_chars must be at least") as caught:
        drawn(True, 1, 0, 3)
    least = int(re.findall("[0-9]+", str(caught.value))[0])
    assert parse(drawn(True, 1, 0, least)[0]).notes
    with pytest.raises(InputError, match=f"at least {least} "):
        drawn(True, 1, 0, least - 1)


@pytest.mark.parametrize("bars", [False, True])
@pytest.mark.parametrize("missing", ["[", "z", "2", '"', ")", "}", "/", "123456789"])
def test_walks_are_well_formed_in_vocabularies_without_some_characters(
    missing: str, bars: bool
) -> None:
    vocabulary = "".join(c for c in VOCABULARY if c not in missing)
    constraint = BatchConstraint(vocabulary, 2, bars=bars, max_chars=150)
    for text in walk(constraint, 2, 0, vocabulary):
        assert not complaints(text.removesuffix(END), bars), text


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.sets(st.sampled_from(sorted(set(VOCABULARY) - set("<end>\nK:M|]C4")))), st.booleans())
@example(set("["), True)  # no second ending behind `|1 ... :|`
@example(set("8"), True)  # nothing fills 9/16 where the unit note is a half
def test_any_vocabulary_that_is_taken_can_end_every_tune(missing: set[str], bars: bool) -> None:
    vocabulary = "".join(c for c in VOCABULARY if c not in missing)
    constraint = BatchConstraint(vocabulary, 8, bars=bars, max_chars=300)
    walk(constraint, 8, 0, vocabulary)


@pytest.mark.parametrize(
    ("missing", "bars"), [("K", False), (":", False), ("M", True), ("]", True)]
)
def test_vocabularies_that_cannot_write_tunes(missing: str, bars: bool) -> None:
    vocabulary = VOCABULARY.replace(missing, "")
    with pytest.raises(InputError, match="must have a vocabulary that can write tunes"):
        BatchConstraint(vocabulary, 2, bars=bars, max_chars=150)
