"""What a constrained network is let begin: nothing that its training text lacks, and nothing where
what it means may not come."""

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from musicgen.music import parse
from musicgen.music.constraint import BatchConstraint
from musicgen.music.constraint.automaton import allowed_between, end_token
from musicgen.music.constraint.batch import START
from musicgen.music.constraint.rules import END
from musicgen.music.constraint.table import table
from musicgen.music.kinds import HEADER, LINES, Kinds
from tests.cases import a_few_fast
from tests.music.walks import VOCABULARY, complaints, walk

HEADING = "M:4/4\nL:1/8\nK:D\n"
PLAIN = "A8|c4 d4|e8||"
"""Music of notes and three bar lines."""
TEXTS = {
    **{line: line for line in ("|]", "|:", ":|", "::", ":||", ":|]", "|1", ":|2")},
    "[1": " [1",
    "[2": " [2",
    "[c": "[ce]",
    "[K:": "[K:G]",
    "[M:": "[M:3/4]",
    "[L:": "[L:1/4]",
    "[Q:": "[Q:1/4=100]",
    "[V:": "[V:1]",
    "!f!": "!f!",
    "!fermata!": "!fermata!",
    "!trill!": "!trill!",
    "!D.C.!": "!D.C.!",
    '"c': '"Am"',
    '"^': '"^slow"',
    '"_': '"_slow"',
    '"': '"slow"',
    "(": "(",
    "(3": "(3",
    "(5": "(5",
    "{": "{a}",
    "{/": "{/a}",
    "\\": "\\\n",
    **{sign: sign for sign in ".~HLMOPSTuv-><"},
    **{sign: sign for sign in (">>", "<<", "z", "x", "^", "^^", "_", "__", "=")},
}
"""A text of each kind, as a network would write it."""
FIELDS = {
    "K:": "\nK:G\n",
    "L:": "\nL:1/4\n",
    "M:": "\nM:3/4\n",
    "Q:": "\nQ:1/4=100\n",
    "P:": "\nP:B\n",
    "T:": "\nT:x\n",
    "W:": "\nW:x\n",
}
"""The same for fields on lines of their own."""
NEEDED = {")", "|", "||", "|]", ":|", ":||", ":|]", ":|2", "[2", "|:"}
"""What may be there though a training text lacks it, so that tunes can end."""


def writes(
    wanted: str, training: list[str] | None, *, bars: bool = True, tunes: int = 6, seed: int = 0
) -> list[str]:
    """Tunes of a network that writes notes, bar lines and, wherever it may begin, this text."""
    kinds = None if training is None else Kinds.of(training)
    constraint = BatchConstraint(
        VOCABULARY, tunes, bars=bars, max_chars=250, prime=START + HEADING, kinds=kinds
    )
    rng = np.random.default_rng(seed)
    usual = np.full(len(VOCABULARY), 1e-12)
    for character, weight in {**dict.fromkeys("ABcdef", 1), "|": 1, " ": 0.3, "\n": 0.1}.items():
        usual[VOCABULARY.index(character)] = weight
    texts = [""] * tunes
    going = np.arange(tunes)
    while len(going):
        weights = np.repeat(usual[None], len(going), axis=0)
        for row, tune in enumerate(going.tolist()):
            begun = max(n for n in range(len(wanted)) if texts[tune].endswith(wanted[:n]))
            weights[row, VOCABULARY.index(wanted[begun])] += 1e9 if begun else 20
        weights *= constraint.allowed(going)
        edges = weights.cumsum(axis=1)
        drawn = (edges > rng.random((len(going), 1)) * edges[:, -1:]).argmax(axis=1)
        constraint.push(going, drawn)
        for tune, character in zip(going.tolist(), drawn.tolist(), strict=True):
            texts[tune] += VOCABULARY[character]
        going = np.array([tune for tune in going if not texts[tune].endswith(END)], np.int64)
    return [HEADING + text.removesuffix(END) for text in texts]


def foreign(tunes: list[str], training: list[str]) -> set[str]:
    """Kinds in the tunes that the training text lacks."""
    ours, theirs = Kinds.of(tunes), Kinds.of(training)
    music = ours.music() - theirs.music() - NEEDED
    return music | (set(ours.count(LINES)) - set(theirs.count(LINES)))


@pytest.mark.parametrize("bars", [False, True])
@pytest.mark.parametrize("kind", [*TEXTS, *FIELDS])
def test_a_kind_that_the_training_text_lacks_is_not_begun(kind: str, bars: bool) -> None:
    training = [HEADING + PLAIN]
    tunes = writes((TEXTS | FIELDS)[kind], training, bars=bars)
    assert not foreign(tunes, training)
    for tune in tunes:
        assert not complaints(tune, bars), tune


@pytest.mark.parametrize("bars", [False, True])
@pytest.mark.parametrize(
    "kind", a_few_fast((kind for kind in (*TEXTS, *FIELDS) if kind != "[2"), 12)
)
def test_nothing_else_comes_in_the_place_of_what_may_not(kind: str, bars: bool) -> None:
    """The training text has it often, and rarely everything else that begins like it."""
    text = (TEXTS | FIELDS)[kind].strip(" ")
    rivals = [other for other in TEXTS if other != kind and other[0] == kind[0]]
    music = "".join(f"A8|{text}A8|A4{text}A4||" for _ in range(99))
    music += "".join(f"A8|{TEXTS[rival]}A8|A4{TEXTS[rival]}A4|" for rival in rivals)
    tunes = writes((TEXTS | FIELDS)[kind], [HEADING + music], bars=bars)
    # Cut off in the middle, tunes end in any way.
    tunes = [tune[:-40].rpartition("|")[0] for tune in tunes]
    begun = {other for other in Kinds.of(tunes).music() if other[0] == kind[0] and kind[0] in '[!"'}
    assert begun <= {kind, *(NEEDED if kind in ("[1", "[2") else ())}


@pytest.mark.slow
def test_what_the_training_text_has_is_written() -> None:
    for kind in TEXTS.keys() - {"[2", "[V:", "!trill!", "!fermata!", '"', "(5", "H", ":|2"}:
        text = TEXTS[kind].strip(" ")
        training = [f"{HEADING}{PLAIN}A8|{text}A8|A4{text}A4|"]
        assert kind in Kinds.of(writes(TEXTS[kind], training)).music(), kind
    for kind, text in FIELDS.items():
        training = [f"{HEADING}{PLAIN}{text}{PLAIN}"]
        assert Kinds.of(writes(text, training)).count(LINES).get(kind), kind


def test_no_field_comes_in_the_place_of_an_ending_where_nothing_was_counted() -> None:
    kinds = Kinds.of(writes(" [1", None)).music()
    assert "[1" in kinds
    assert not kinds & {"[K:", "[M:", "[L:", "[Q:"}


def test_fields_of_the_header_are_those_of_the_training_text() -> None:
    kinds = Kinds.of([f"T:x\nC:y\n{HEADING}{PLAIN}\n"])
    constraint = BatchConstraint(VOCABULARY, 20, bars=True, max_chars=300, kinds=kinds)
    tunes = [text.removesuffix(END) for text in walk(constraint, 20, 0)]
    assert set(Kinds.of(tunes).count(HEADER)) == {"T:", "C:", "M:", "L:", "K:"}


@pytest.mark.parametrize("bars", [False, True])
def test_a_key_may_change_behind_a_double_bar_though_endings_are_more(bars: bool) -> None:
    section = "A8|A8|[1 A8:|[2 A8||[K:G]A8|"
    known = table(VOCABULARY, bars, Kinds.of([HEADING + section * 5]))
    state = 0
    for place, character in enumerate(text := f"{HEADING}A8|c8||[K:G]"):
        number = VOCABULARY.index(character)
        row = known.mask(state)
        assert known.rows[row, number], text[: place + 1]
        state = known.step(state, number)


def test_a_repeat_is_closed_before_a_strain_ends_otherwise() -> None:
    """A network that writes `|]` in one means to end the tune, and would find that masked."""
    for wanted in ("|]", "||"):
        training = [HEADING + f"|:A8|c8:|A8|c8{wanted}" * 5]
        constraint = BatchConstraint(
            VOCABULARY,
            1,
            bars=True,
            max_chars=300,
            prime=f"{START}{HEADING}|:A8|c8",
            kinds=Kinds.of(training),
        )
        (may,) = constraint.allowed(np.array([0]))
        assert may[VOCABULARY.index(":")]
        constraint.push(np.array([0]), np.array([VOCABULARY.index("|")]))
        (may,) = constraint.allowed(np.array([0]))
        assert not may[VOCABULARY.index(wanted[1])]


def test_no_repeat_opens_in_a_bar_that_is_cut_short() -> None:
    """A network that writes `|` there means to end a strain that lacks its upbeat. It would find
    that masked, and open a repeat instead."""
    training = [HEADING + "|:A8|c8:|A8|c8|]" * 5]
    constraint = BatchConstraint(
        VOCABULARY,
        1,
        bars=True,
        max_chars=300,
        prime=f"{START}{HEADING}A8|c8|c4",
        kinds=Kinds.of(training),
    )
    (may,) = constraint.allowed(np.array([0]))
    assert not may[VOCABULARY.index("|")]
    assert may[VOCABULARY.index("c")]


def test_grace_notes_come_to_an_end() -> None:
    training = [HEADING + "{ab}A8|{c}c8|]"]
    for tune in writes("{" + "ab" * 40, training, tunes=3):
        assert all(len(re.findall("[a-g]", group)) <= 8 for group in re.findall("{[^}]*}", tune))
        assert not complaints(tune, True)


def test_a_prime_may_have_what_the_training_text_lacks() -> None:
    training = [HEADING + PLAIN]
    prime = f"{START}Q:1/4=90\n{HEADING}[K:G]!f![ce]4 (3abc z2|"
    constraint = BatchConstraint(
        VOCABULARY, 4, bars=True, max_chars=200, prime=prime, kinds=Kinds.of(training)
    )
    for text in walk(constraint, 4, 0):
        assert not foreign([HEADING + text.removesuffix(END)], training)


@pytest.mark.parametrize("prime", ["[", "A4[", "A8|[", "!", "A4!", '"', "(", "{", "T", "^"])
@pytest.mark.parametrize("bars", [False, True])
def test_a_prime_may_end_where_nothing_known_goes_on(prime: str, bars: bool) -> None:
    kinds = Kinds.of([HEADING + PLAIN])
    constraint = BatchConstraint(
        VOCABULARY, 4, bars=bars, max_chars=200, prime=START + HEADING + prime, kinds=kinds
    )
    for text in walk(constraint, 4, 0):
        assert not complaints(HEADING + prime + text.removesuffix(END), bars)


@pytest.mark.parametrize("bars", [False, True])
@pytest.mark.parametrize(
    "training", [None, [HEADING + "|:A8|~c4 (d4|[1e8):|[2!f!e8||(3abc [ce]6|"]]
)
def test_states_that_are_taken_for_alike_are(training: list[str] | None, bars: bool) -> None:
    kinds = None if training is None else Kinds.of(training)
    for prime in ("R:hornpipe\n" if bars else "", ""):
        constraint = BatchConstraint(
            VOCABULARY, 4, bars=bars, max_chars=400, prime=f"{START}{prime}{HEADING}", kinds=kinds
        )
        walk(constraint, 4, 3)
    known = constraint._table
    rules, openings = known._rules, known._openings
    for number, state in list(enumerate(known._states))[:4000:3]:
        ended = end_token(rules, state)
        if ended is None:
            continue
        behind = allowed_between(rules, ended) - openings.masked(ended)
        assert known._may_follow(ended) == behind, (number, state)


LIVELY = st.lists(st.sampled_from([*TEXTS.values(), *FIELDS.values(), "A4", "|", " "]), max_size=12)


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(LIVELY, st.booleans(), st.integers(0, 2**32))
@example([":|2"], True, 0)
@example(["|1"], True, 0)
@example(["|:"], True, 0)
@example(["::"], True, 0)
@example([" [1", ":|"], True, 0)
@example(["T"], False, 22758129)  # near its end a decoration of the text became a field
def test_tunes_of_any_training_text_are_music_of_its_kinds(
    parts: list[str], bars: bool, seed: int
) -> None:
    training = [HEADING + "".join(parts)]
    constraint = BatchConstraint(
        VOCABULARY,
        3,
        bars=bars,
        max_chars=200,
        prime=START + HEADING,
        kinds=Kinds.of(training),
    )
    for text in walk(constraint, 3, seed):
        tune = HEADING + text.removesuffix(END)
        assert not complaints(tune, bars), tune
        assert parse(tune).notes
        assert not foreign([tune], training), re.sub("\n", "/", tune)
