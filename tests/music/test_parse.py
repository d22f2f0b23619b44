"""What a text says: notes, times, places, problems."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.music import Tune, parse

HEADER = "X:1\nT:A tune\nM:4/4\nL:1/8\nK:C\n"
LINES = len(HEADER.split("\n"))


def read(music: str, header: str = HEADER) -> Tune:
    return parse(header + music)


def pitches(music: str, header: str = HEADER) -> list[tuple[int, ...]]:
    return [event.pitches for event in read(music, header).voices[0].events]


def lengths(music: str, header: str = HEADER) -> list[Fraction]:
    """In whole notes."""
    tune = read(music, header)
    return [Fraction(event.length, tune.ticks) for event in tune.voices[0].events]


def messages(music: str) -> list[tuple[int, int, str]]:
    """Line from 1 in the music, column, message."""
    return [(p.line - LINES + 1, p.column, p.message) for p in read(music).problems]


def test_the_header_is_read_field_by_field() -> None:
    tune = parse("X:1\nT:One % not this\nT:Two\nM:6/8\nQ:3/8=90\nK:Edor\nEFG|\n")
    assert [(field.letter, field.value) for field in tune.fields] == [
        ("X", "1"), ("T", "One"), ("T", "Two"), ("M", "6/8"), ("Q", "3/8=90"), ("K", "Edor")
    ]  # fmt: skip
    assert tune.field("T") == "One"
    assert tune.field("R") == ""
    assert (tune.key.tonic, tune.key.mode, tune.meter.text) == ("E", "dor", "6/8")
    assert tune.unit == Fraction(1, 8)
    assert tune.tempo is not None
    assert tune.text[tune.body :] == "EFG|\n"
    assert tune.notes == 3


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("C,, C c c''", [36, 60, 72, 96]),
        ("^C _D =C ^^C __D", [61, 61, 60, 62, 60]),
        ("^c c C|c", [73, 73, 61, 72]),
        ("^c-|c c|c", [73, 73, 72, 72]),
        ("^c-|c-|c|c", [73, 73, 73, 72]),
        ("[K:D]f[K:none]f", [78, 77]),
        ("{^f}e f|f", [76, 78, 77]),
    ],
)
def test_pitches_follow_key_and_accidentals(music: str, expected: list[int]) -> None:
    assert pitches(music) == [(pitch,) for pitch in expected]


def test_chords_and_rests_have_their_pitches_and_lengths() -> None:
    assert pitches('[CEG] z ["Am"A,c]2 x') == [(60, 64, 67), (), (57, 72), ()]
    assert lengths("[C2E4]2 [CE]/") == [Fraction(1, 2), Fraction(1, 16)]
    assert read("[C-E]2 C").voices[0].ties == {0: (60,)}


def test_chords_of_abc_1_6_need_lengths() -> None:
    """ABC 1.6; without lengths it is a decoration, as in later versions."""
    assert pitches("+E3A3+ c") == [(64, 69), (72,)]
    assert pitches("+CEG+c +ff+d +breath+B") == [(72,), (74,), (71,)]
    assert lengths("+E3A3+ c") == [Fraction(3, 8), Fraction(1, 8)]
    assert pitches("+B3g/2+ +=c4f4+ +C2E+ +Ce/+") == [(71, 79), (72, 77), (60, 64), (60, 76)]
    assert read("+breath+B8").problems == ()


@pytest.mark.parametrize(("sign", "written"), [("3", "3/4"), ("2", "2/2")])
def test_meters_of_one_number_mean_their_usual_fraction(sign: str, written: str) -> None:
    tune, same = (parse(f"M:{meter}\nK:C\nCDEFGA|") for meter in (sign, written))
    assert (tune.meter.length, tune.meter.denominator) == (
        same.meter.length,
        same.meter.denominator,
    )
    assert tune.problems == same.problems


@pytest.mark.parametrize(
    ("music", "eighths"),
    [
        ("c c2 c/ c// c/4 c3/2 c/3", [1, 2, "1/2", "1/4", "1/4", "3/2", "1/3"]),
        ("a>b c<d", ["3/2", "1/2", "1/2", "3/2"]),
        ("a>>b c<<<d", ["7/4", "1/4", "1/8", "15/8"]),
        ("a > b{c}<d", ["3/2", "1/4", "3/2"]),
        ("(3abc d", ["2/3", "2/3", "2/3", 1]),
        ("(3a2b2c2 (3:2:2a2b (2ab", ["4/3", "4/3", "4/3", "4/3", "2/3", "3/2", "3/2"]),
        ("(5abcde (7:4abcdefg", ["2/5"] * 5 + ["4/7"] * 7),
        ("[M:6/8](5abcde", ["3/5"] * 5),
        ("(3a>bc", [1, "1/3", "2/3"]),
        ("(11:8:2ab", ["8/11", "8/11"]),
        ("z Z2 a y4 b", [1, 16, 1, 1]),
        ("[L:1/4]c[L:1/16]c", [2, "1/2"]),
    ],
)
def test_lengths_are_read_as_written(music: str, eighths: list[int | str]) -> None:
    assert lengths(music) == [Fraction(length) / 8 for length in eighths]


LENGTHS = st.fractions(min_value=Fraction(1, 8), max_value=9, max_denominator=13)


@given(st.lists(LENGTHS, min_size=1, max_size=20), st.sampled_from([4, 8, 16]))
def test_times_are_exact(multiples: list[Fraction], unit: int) -> None:
    """Whatever the lengths, onsets are their exact sums."""
    header = f"M:none\nL:1/{unit}\nK:C\n"
    music = " ".join(f"c{length.numerator}/{length.denominator}" for length in multiples)
    tune = parse(header + music)
    onset = Fraction()
    for event, length in zip(tune.voices[0].events, multiples, strict=True):
        assert Fraction(event.onset, tune.ticks) == onset
        onset += length / unit
    assert tune.problems == ()


def test_events_and_bars_know_their_place_in_the_text() -> None:
    tune = read("|:G>A (3Bcd ^e'2-|[ce]3/2 z:|")
    voice = tune.voices[0]
    assert [tune.text[event.start : event.end] for event in voice.events] == [
        "G", "A", "B", "c", "d", "^e'2", "[ce]3/2", "z"
    ]  # fmt: skip
    bars = [(tune.text[bar.start : bar.end], bar.line) for bar in voice.bars]
    assert bars == [("G>A (3Bcd ^e'2-", "|"), ("[ce]3/2 z", ":|")]
    assert [(bar.opens, bar.closes) for bar in voice.bars] == [(True, 0), (False, 1)]


def test_marks_belong_to_their_events() -> None:
    tune = read('"Am"A(B.c) {de}f|~g2 "^slow"!trill!a')
    voice = tune.voices[0]
    marks = [(tune.text[mark.start : mark.end], mark.event) for mark in voice.marks]
    assert marks == [
        ('"Am"', 0), ("(", 1), (".", 2), (")", 2), ("~", 4), ('"^slow"', 5), ("!trill!", 5)
    ]  # fmt: skip
    assert [(grace.event, grace.pitches) for grace in voice.graces] == [(3, (74, 76))]
    tuplet = read("a(3bcd").voices[0].tuplets[0]
    assert (tuplet.first, tuplet.last, tuplet.p, tuplet.q) == (1, 4, 3, 2)


def test_bars_have_their_lines_endings_meters_and_keys() -> None:
    tune = read("A|B8|1c8:|2d8||\n[M:3/4][K:G]e6\n|\n|f6|[1g6:|[2a6|]")
    bars = tune.voices[0].bars
    assert [bar.line for bar in bars] == ["|", "|1", ":|2", "||", "|", "|[1", ":|[2", "|]"]
    assert [bar.ending for bar in bars] == [(), (), (1,), (2,), (), (), (1,), (2,)]
    assert [bar.meter.text for bar in bars] == ["4/4"] * 4 + ["3/4"] * 4
    assert [bar.key.tonic for bar in bars] == ["C"] * 4 + ["G"] * 4
    assert tune.problems == ()


def test_each_voice_has_its_own_bars_and_octave() -> None:
    tune = read(
        "V:1\nCDEFGABc|\nV:2 octave=-1\nC4C4|\n[V:1]c8|[V:2]c8|\n",
        "M:4/4\nL:1/8\nV:1 name=Fiddle\nK:C\n",
    )
    assert [voice.name for voice in tune.voices] == ["1", "2"]
    assert [len(voice.bars) for voice in tune.voices] == [2, 2]
    assert [event.pitches for event in tune.voices[1].events] == [(48,), (48,), (60,)]
    assert tune.problems == ()


def test_comments_continuations_and_fields_break_no_bar() -> None:
    """Comments, continuations, field lines and lyrics do not break a bar."""
    tune = read("CDEF\\\nGABc| % CDE|\nw:la la\n%CDE\nT:Second part\nN:on and\n+:on\nC4\nC4|\r\n")
    assert tune.notes == 10
    assert [bar.last - bar.first for bar in tune.voices[0].bars] == [8, 2]
    assert tune.problems == ()


@pytest.mark.parametrize(
    ("music", "problems"),
    [
        ("C8|D8|E8|", []),
        ("C8|\n D7|E8|", [(2, 2, "bar too short: 7/8 in a meter of 4/4")]),
        ("C8|D9|E8|", [(1, 4, "bar too long: 9/8 in a meter of 4/4")]),
        ("[M:none]C9|D|E99|", []),
        ("[CE", [(1, 1, "`[` opens no chord, no field and no ending")]),
        ("{CE", [(1, 1, "grace notes that are never closed")]),
        ('"CE', [(1, 1, "chord symbol that is never closed")]),
        ("C?*?D", [(1, 2, "unexpected text at '?'")]),
        ("(CD", [(1, 1, "slur that is never closed")]),
        ("CD)", [(1, 3, "`)` without a slur")]),
        (">C", [(1, 1, "broken rhythm without a note before it")]),
        ("-C", [(1, 1, "tie without a note before it")]),
        ("(3CD", [(1, 1, "tuplet that is never filled")]),
        ("(1CD", [(1, 1, "no such tuplet: (1")]),
        ("c!de!f !ff!g", [(1, 2, "notes between ! are taken for a decoration")]),
        ("+GB+c +f+d", [(1, 1, "notes between + are taken for a decoration")]),
        ("J:x\nC", [(1, 1, "unknown field J:")]),
        ("C[K:H]D", [(1, 2, "unknown key 'H'")]),
        ("C,,,,,,,,,D", [(1, 1, "pitch or length that cannot be played")]),
        ("C/99999999999D", [(1, 1, "pitch or length that cannot be played"),
                            (1, 1, "length too fine to be exact; rounded")]),
        ("C8|D4&E4|F8|", [(1, 4, "bar too short: 1/2 in a meter of 4/4")]),
        ("C8|D8&E4|F8|", [(1, 9, "overlay (&) and its bar are not equally long; the shorter one "
                           "rests")]),
        ("c^/d[_3/4ee]", [(1, 2, "microtone; rounded to a semitone"),
                       (1, 6, "microtone; rounded to a semitone")]),
        ("C\n\nD", [(2, 1, "a blank line ends the tune; the rest was not read")]),
        ("C\nX:2\nK:D\nD", [(2, 1, "a second tune begins here; it was not read")]),
        ("z8|", [(1, 1, "no notes")]),
    ],
)  # fmt: skip
def test_each_problem_is_located(music: str, problems: list[tuple[int, int, str]]) -> None:
    assert sorted(messages(music)) == sorted(problems)


@pytest.mark.parametrize(
    "music",
    [
        "C|D8|E7|]",
        "C2|:D8|E6:|\n|:F2|G8|A6:|",
        "C8|1D4:|2D6||E2|F8|]",
        "C4|D4:|E4|F4|]",
        "C3||D5|E8|]",
        "C4[P:B]D4|E8|]",
    ],
)
def test_split_bars_are_no_problem(music: str) -> None:
    assert read(music).problems == ()


def test_a_tune_without_a_key_is_in_c_and_reported() -> None:
    tune = parse("X:1\nM:2/4\nCDEF|GA\n")
    assert tune.notes == 6
    assert [p.message for p in tune.problems] == ["no K: field; read in C major"]
    assert tune.unit == Fraction(1, 16)


@given(st.text() | st.text(st.sampled_from("abAB[]{}()|:<>-/1234^_='\",~!% \nKMLVPQ")))
def test_no_text_makes_the_parser_raise(text: str) -> None:
    tune = parse(text)
    lines = text.split("\n")
    for problem in tune.problems:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert sum(len(line) + 1 for line in lines[: problem.line - 1]) == (
            problem.start - problem.column + 1
        )
    for voice in tune.voices:
        end = 0
        now = 0
        for event in voice.events:
            assert tune.body <= event.start < event.end <= len(text)
            assert end <= event.start
            assert event.onset == now
            assert all(0 <= pitch < 128 for pitch in event.pitches)
            end, now = event.end, event.onset + event.length
        assert [bar.first for bar in voice.bars[1:]] == [bar.last for bar in voice.bars[:-1]]
        assert voice.bars[-1].last == len(voice.events)
        assert sum(bar.length for bar in voice.bars) == now
    tune.unfolded()


NOTE = st.tuples(
    st.sampled_from(["", "^", "_", "="]), st.sampled_from("CDEFGABcdefgab"), st.integers(1, 9)
)


@given(st.lists(NOTE, min_size=1, max_size=30))
def test_written_notes_are_read_back(notes: list[tuple[str, str, int]]) -> None:
    """Each in a bar of its own, so that no accidental reaches the next."""
    natural = dict(zip("CDEFGABcdefgab", [60, 62, 64, 65, 67, 69, 71, 72, 74, 76, 77, 79, 81, 83],
                       strict=True))  # fmt: skip
    alter = {"": 0, "^": 1, "_": -1, "=": 0}
    tune = parse("M:none\nL:1/8\nK:C\n" + "|".join(f"{a}{n}{k}" for a, n, k in notes))
    read_back = [(event.pitches, event.length * 8 // tune.ticks) for event in tune.voices[0].events]
    assert read_back == [((natural[name] + alter[sign],), length) for sign, name, length in notes]


@pytest.mark.parametrize("music", ["abc|!def|", "abc|def|!", "a!b|!fermata!c!", "!abc"])
def test_a_lone_exclamation_mark_once_broke_the_line(music: str) -> None:
    tune = read(f"[M:none]{music}\nc|\n")
    assert tune.problems == ()
    assert tune.notes == sum(c in "abcdef" for c in music.replace("fermata", "")) + 1
    marks = [tune.text[m.start : m.end] for m in tune.voices[0].marks]
    assert marks == (["!fermata!"] if "fermata" in music else [])


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("[C 2 E 2 G 2] A2", "[C2E2G2] A2"),
        ("[ c 3/2 e 3/2 ] A2", "[c3/2e3/2] A2"),
        ("[ C 2 E 2 ] 2 A2", "[C2E2]2 A2"),
        ("{ g 2 a } c2", "{g2a}c2"),
    ],
)
def test_tokens_apart_in_chords_and_graces_are_not_torn(music: str, expected: str) -> None:
    apart, joined = read(f"[M:none]{music}"), read(f"[M:none]{expected}")
    assert apart.problems == ()
    said = [
        [(event.pitches, event.length) for event in tune.voices[0].events]
        for tune in (apart, joined)
    ]
    assert said[0] == said[1]
    assert len(apart.voices[0].graces) == len(joined.voices[0].graces)


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("_/e ^/c ^3/2c _3/4e", [(76,), (72,), (73,), (75,)]),
        ("[_/e^/c2]2 [^3/2c_e]", [(76, 72), (73, 75)]),
        ("{_/e^/c}d {^3/2f}g", [(74,), (79,)]),
    ],
)
def test_microtones_are_rounded_and_never_torn(music: str, expected: list[tuple[int, ...]]) -> None:
    tune = read(f"[M:none]{music}")
    assert [event.pitches for event in tune.voices[0].events] == expected
    assert {p.message for p in tune.problems} == {"microtone; rounded to a semitone"}
    graces = [grace.pitches for grace in tune.voices[0].graces]
    assert graces == ([(76, 72), (78,)] if "{" in music else [])


def test_overlays_sound_from_the_same_place_in_the_bar() -> None:
    tune = read("c8|C8 & E4 G4 & c8|D8|e8 & ^f8|")
    assert [(voice.name, voice.overlay) for voice in tune.voices] == [("1", 0), ("1", 1), ("1", 2)]
    starts = [[(n.onset * 8 // tune.ticks, n.pitch) for n in voice] for voice in tune.unfolded()]
    assert starts == [
        [(0, 72), (8, 60), (16, 62), (24, 76)],
        [(8, 64), (12, 67), (24, 78)],
        [(8, 72)],
    ]
    assert tune.problems == ()
    bars = [[(bar.onset, bar.length) for bar in voice.bars] for voice in tune.voices]
    assert bars[0] == bars[1] == bars[2]


def test_overlays_of_several_bars_sound_beside_them() -> None:
    """`&&` goes back a bar more (ABC 2.0); `(& ... & ... &)` is abcm2ps's."""
    for music in ("c8|D8 && E8|F8|G8|", "c8|(&D8|e8 & F8|G8 &)|A8|"):
        tune = read(music)
        first, second = ([(n.onset * 8 // tune.ticks, n.pitch) for n in v] for v in tune.unfolded())
        assert [onset for onset, _ in first] in ([0, 8, 16], [0, 8, 16, 24])
        assert second in ([(0, 64), (8, 65)], [(8, 65), (16, 67)])


@given(st.lists(st.sampled_from(
    ["C8", "E4", "|", "&", "&&", "(&", "&)", "|:", ":|", "[1", "[2", "c-", "(3", "a>", "\nV:2\n",
     "[V:1]", "[L:1/16]", "[K:D]", "[M:3/4]", "\nP:A\n", "z4", "C/11"]), max_size=30))  # fmt: skip
def test_overlays_stay_with_their_voice(music: list[str]) -> None:
    tune = read("".join(music))
    main = None
    for voice in tune.voices:
        if not voice.overlay:
            main = voice
            continue
        assert main is not None
        assert voice.name == main.name
        assert len(voice.bars) == len(main.bars)
        pairs = zip(voice.bars, main.bars, strict=True)
        assert all(a.onset == b.onset and (a.start, a.line) == (b.start, b.line) for a, b in pairs)
        assert voice.bars[-1].last == len(voice.events)


@pytest.mark.parametrize(
    ("texts", "endings"),
    [
        (("1st time", "2nd time"), [(1,), (2,)]),
        (("1,2", "last"), [(1, 2), (3,)]),
        (("first", "last time"), [(1,), (2,)]),
    ],
)
def test_endings_may_have_texts(texts: tuple[str, str], endings: list[tuple[int, ...]]) -> None:
    tune = read(f'|:C8|["{texts[0]}"D8:|["{texts[1]}"E8|]')
    bars = tune.voices[0].bars
    assert [(bar.ending, bar.ending_text) for bar in bars] == [
        ((), ""),
        *zip(endings, texts, strict=True),
    ]
    passes = max(max(ending) for ending in endings)
    assert [n.pitch for n in tune.unfolded()[0]][-2:] == [60, 64]
    assert len(tune.unfolded()[0]) == 2 * passes
    assert tune.problems == ()


@pytest.mark.parametrize(
    "header", ["[L:1/8]\n[M:4/4]\n[K:GMaj]\n", "[L:1/8][M:4/4] [K:G]\n", "  L:1/8\n\tM:4/4\n K:G\n"]
)
def test_a_header_in_brackets_or_indented_is_a_header(header: str) -> None:
    tune = parse(header + "|: F 2 G > A B 3/2 c /2 [C E] 2 :|\n")
    assert (tune.unit, tune.meter.text, tune.key.tonic) == (Fraction(1, 8), "4/4", "G")
    assert tune.text[tune.body :].startswith("|:")
    events = tune.voices[0].events
    assert [event.pitches for event in events] == [(66,), (67,), (69,), (71,), (72,), (60, 64)]
    assert [Fraction(event.length * 8, tune.ticks) for event in events] == [
        2, Fraction(3, 2), Fraction(1, 2), Fraction(3, 2), Fraction(1, 2), 2
    ]  # fmt: skip
    assert tune.problems == ()


@pytest.mark.parametrize(
    ("field", "pitches_of_fc"),
    [
        ("K:D=c", (78, 72)),
        ("K:F♯m", (78, 73)),
        ("K:B♭", (77, 72)),
        ("K:", (77, 72)),
        ("K:HP", (78, 73)),
        ("K:Hp", (78, 73)),
        ("K:Em^c", (78, 73)),
        ("K:D_c", (78, 71)),
        ("K:C_c^f", (78, 71)),
        ("K:D_dor", (77, 72)),
        ("K:C ^f^c", (78, 73)),
        ("K:F sharp minor", (78, 73)),
        ("K:Foo", (77, 72)),
        ("K:Fiddle", (77, 72)),
    ],
)
def test_keys_as_people_write_them(field: str, pitches_of_fc: tuple[int, int]) -> None:
    tune = parse(f"M:none\n{field}\nfc b|")
    assert tuple(event.pitches[0] for event in tune.voices[0].events[:2]) == pitches_of_fc
    # What is not understood is listed, and is not F major.
    unknown = field[2:5] in ("Foo", "Fid")
    assert bool(tune.problems) == unknown
    if unknown:
        assert tune.voices[0].events[2].pitches == (83,)
