"""Scores as MEI: what is printed must say what is played."""

import random
import re
from collections.abc import Iterator
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from musicgen.errors import InputError
from musicgen.music import Tune, parse
from musicgen.music.score import mei, note_id
from tests.music.corpora import folk_tunes

NS = "{http://www.music-encoding.org/ns/mei}"
ID = "{http://www.w3.org/XML/1998/namespace}id"
HEADER = "T:A tune\nM:4/4\nL:1/8\nK:G\n"
NATURAL = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
SEMITONES = {"s": 1, "f": -1, "n": 0, "x": 2, "ff": -2, "ss": 2}

Element = ElementTree.Element


def score(tune: Tune) -> Element:
    return ElementTree.fromstring(mei(tune).encode())


def found(root: Element, tag: str) -> list[Element]:
    return list(root.iter(NS + tag))


def attribute(elements: list[Element], name: str) -> list[str]:
    return [element.get(name, "") for element in elements]


def place(note: Element) -> tuple[str, int]:
    return note.get("pname", ""), int(note.get("oct", ""))


def pitch(note: Element) -> int:
    name, octave = place(note)
    altered = SEMITONES[note.get("accid") or note.get("accid.ges") or "n"]
    return 12 * (octave + 1) + NATURAL[name] + altered


def printed_pitches(root: Element) -> Iterator[tuple[str, int]]:
    """(id, pitch) as a player reads the page: key signature, and accidentals to the bar line."""
    signature: dict[str, int] = {}
    continued = False
    shown: dict[tuple[str, int], int] = {}
    tied = {tie.get("endid"): tie.get("startid") for tie in found(root, "tie")}
    read: dict[str, int] = {}
    for element in root.iter():
        if element.tag == NS + "keySig":
            count, kind = re.fullmatch(r"([0-7])([sf]?)", element.get("sig", "0")).groups()  # type: ignore[union-attr]
            order = "fcgdaeb" if kind == "s" else "beadgcf"
            signature = dict.fromkeys(order[: int(count)], SEMITONES[kind or "n"])
        elif element.tag == NS + "keyAccid":
            signature[element.get("pname", "")] = SEMITONES[element.get("accid", "")]
        elif element.tag == NS + "measure":
            shown = shown if continued else {}
            continued = element.get("right") == "invis"
        elif element.tag == NS + "note":
            here = place(element)
            name = element.get(ID, "")
            if "accid" in element.attrib:
                shown[here] = SEMITONES[element.attrib["accid"]]
            start = read.get((tied.get(f"#{name}") or "#").removeprefix("#"))
            altered = shown.get(here, signature.get(here[0], 0))
            if name:
                natural = 12 * (here[1] + 1) + NATURAL[here[0]]
                read[name] = natural + altered if start is None else start
                yield name, read[name]


@pytest.mark.slow
def test_folk_tunes_print_what_they_play() -> None:
    """Of two hundred tunes: each pitch and each length, as a player would read it."""
    tunes = random.Random(0).sample(folk_tunes(), 200)
    for text in tunes:
        tune = parse(text)
        if not tune.notes or len(tune.voices) > 1:
            continue
        root = score(tune)
        printed = dict(printed_pitches(root))
        for index, event in enumerate(tune.voices[0].events):
            name = note_id(0, index)
            for number, sounds in enumerate(dict.fromkeys(event.pitches)):
                head = f"{name}n{number}" if f"{name}n{number}" in printed else name
                assert printed[head] - sounds in (0, -tune.key.transpose), (text, event)
        for note in found(root, "note"):
            if name := note.get(ID, ""):
                assert pitch(note) == printed[name], (text, name)


def lengths(element: Element, factor: Fraction = Fraction(1)) -> Iterator[tuple[str, Fraction]]:
    """(id, whole notes) of what takes time in a layer."""
    if element.tag == NS + "tuplet":
        factor *= Fraction(int(element.get("numbase", "")), int(element.get("num", "")))
    if (dur := element.get("dur")) and "grace" not in element.attrib:
        plain = Fraction(2) if dur == "breve" else Fraction(1, int(dur))
        dots = int(element.get("dots", "0"))
        yield element.get(ID, ""), plain * (2 - Fraction(1, 2**dots)) * factor
    elif element.tag != NS + "chord":
        for child in element:
            yield from lengths(child, factor)


@pytest.mark.slow
def test_folk_tunes_print_their_lengths() -> None:
    for text in random.Random(1).sample(folk_tunes(), 200):
        tune = parse(text)
        if not tune.notes or len(tune.voices) > 1:
            continue
        written: dict[str, Fraction] = {}
        for layer in found(score(tune), "layer"):
            for name, length in lengths(layer):
                event = name.partition("p")[0]
                written[event] = written.get(event, Fraction(0)) + length
        for index, event in enumerate(tune.voices[0].events):
            whole = Fraction(event.length, tune.ticks)
            if note_id(0, index) in written:
                assert written[note_id(0, index)] == whole, (text, event)
            else:
                assert not event.pitches  # a whole bar's rest has no length of its own


@pytest.mark.parametrize(
    ("music", "groups"),
    [
        ("M:4/4\nK:C\nABcd efga|", [4, 4]),
        ("M:4/4\nK:C\nAB cd efga|", [2, 2, 4]),
        ("M:4/4\nK:C\nABcdefga|", [4, 4]),
        ("M:4/4\nK:C\nA/B/c/d/e/f/g/a/ A4|", [4, 4]),
        ("M:6/8\nK:C\nABcdef|", [3, 3]),
        ("M:6/8\nK:C\nAB cdef|", [2, 3]),  # the run of four is cut at the beat
        ("M:6/8\nK:C\nA|ABcdef|", [3, 3]),
        ("M:6/8\nK:C\nABcd|efgabc|", [3, 3, 3]),  # a pickup is counted from the bar line
        ("M:3/4\nK:C\nABcdef|", [6]),
        ("M:2/4\nK:C\nA>Bc>d|A B c d|", [4]),
        ("M:4/4\nK:C\n(3ABc de fgab|", [3, 2, 4]),
        ("M:4/4\nK:C\n(3ABcd (3ABc|", [4, 3]),
        ('M:4/4\nK:C\nA"G"B {g a}cd ez ab|', [2, 2, 2, 2]),
        ("M:4/4\nL:1/4\nK:C\nABcd|", []),
        ("M:4/4\nK:C\n" + "A B c d e f g a|" * 2, [4, 4, 4, 4]),  # spaces that say nothing
        ("M:4/4\nK:C\n" + "A B c d efga|" * 2, [4, 4]),
    ],
)
def test_short_notes_are_beamed_as_they_are_spaced(music: str, groups: list[int]) -> None:
    def members(beam: Element) -> int:
        heads = (e for tag in ("note", "chord") for e in beam.iter(NS + tag))
        return sum(1 for head in heads if head.get("grace") is None or len(beam) == 2)

    beams = found(score(parse(music)), "beam")
    assert [members(beam) for beam in beams] == groups


@pytest.mark.parametrize(
    ("music", "accidentals"),
    [
        ("K:G\nf^f=ff|f^F=f", ["", "", "n", "", "", "", "n"]),
        ("K:C\n^fF f|^ff|f", ["s", "s", "", "s", "", ""]),
        ("K:C\n^f|=f f|f", ["s", "n", "", ""]),  # a reminder, since the text has it
        ("K:C\n^f-|f f|", ["s", "", ""]),  # tied: not printed again
        ("K:C\n^^f __B=B", ["x", "ff", "n"]),
        ("K:D exp ^g\ngf^f", ["", "", "s"]),
        ("K:C\n[^fa]2 {^g}a g", ["s", "", "s", "", ""]),
    ],
)
def test_only_needed_accidentals_are_printed(music: str, accidentals: list[str]) -> None:
    notes = found(score(parse("L:1/8\n" + music)), "note")
    assert attribute(notes, "accid") == accidentals


def test_keys_and_meters_are_printed_where_they_change() -> None:
    music = "K:Dm\nA8|[K:D ^g][M:(2+2+3)/8]A7|[K:C exp _b ^f][M:C]A8|[K:C#][M:6/8]A6"
    root = score(parse("M:C|\n" + music))
    assert attribute(found(root, "keySig"), "sig") == ["1f", "3s", "", "7s"]
    keys = [(key.get("pname"), key.get("accid")) for key in found(root, "keyAccid")]
    assert keys == [("f", "s"), ("b", "f")]
    meters = [(m.get("sym"), m.get("count"), m.get("unit")) for m in found(root, "meterSig")]
    plain = [("cut", "2", "2"), (None, "2+2+3", "8"), ("common", "4", "4"), (None, "6", "8")]
    assert meters == plain


def test_bar_lines_and_repeats_are_the_measures_left_and_right_sides() -> None:
    measures = found(score(parse(HEADER + "D|:A8|B8||c8|]d8:|\n|:e8::f8|[1g8:|[2a8")), "measure")
    lines = [(measure.get("left"), measure.get("right")) for measure in measures]
    begin = "rptstart"
    assert lines == [
        (None, "single"),
        (begin, "single"),
        (None, "dbl"),
        (None, "end"),
        (None, "rptend"),
        (begin, "rptend"),
        (begin, "single"),
        (None, "rptend"),
        (None, "end"),
    ]


@pytest.mark.parametrize(
    ("music", "endings"),
    [
        ("A8|1 B8:|2 c8|]", [("1.", 1), ("2.", 1)]),
        ("A8|1 B8|c8:|2 d8|e8||f8|", [("1.", 2), ("2.", 2)]),
        ("A8|1,3 B8:|2 c8|]", [("1., 3.", 1), ("2.", 1)]),
        ("A8|1 B8:|2 c8|d8|e8|f8|g8|", [("1.", 1), ("2.", 1)]),  # nothing ends it: like its sister
        ("A8|1 B8|2 c8:|", [("1.", 1), ("2.", 1)]),
        ("A8|1 B8|c8|d8|e8|f8|g8:|2 a8|]", [("1.", 6), ("2.", 1)]),
        ("A8|[1 B8|c8|d8|e8|f8|g8|", [("1.", 4)]),
    ],
)
def test_each_ending_has_its_bracket(music: str, endings: list[tuple[str, int]]) -> None:
    drawn = found(score(parse(HEADER + music)), "ending")
    assert [(e.get("n"), len(found(e, "measure"))) for e in drawn] == endings


def test_lines_break_as_in_the_text() -> None:
    root = score(parse(HEADER + "A8|B8|\nc8|d8|\\\ne8|f8|\ng8|"))
    section = found(root, "section")[0]
    tags = "".join({"sb": "/", "measure": "m"}.get(e.tag.removeprefix(NS), "") for e in section)
    assert tags == "mm/mmmm/m"


def test_signs_become_elements_of_their_kind() -> None:
    music = '"Bb/F"A"^slow"B .c Td|!fermata!e "<h"f {/g}a {cd}[CE]|(AB) (3cde A-|A4 !fine!|'
    root = score(parse(HEADER + "Q:1/4=100\n" + music))
    tags = ["harm", "dir", "trill", "fermata", "slur", "tie", "tempo"]
    assert {tag: len(found(root, tag)) for tag in tags} == {
        "harm": 1, "dir": 3, "trill": 1, "fermata": 1, "slur": 1, "tie": 1, "tempo": 1
    }  # fmt: skip
    assert found(root, "harm")[0].text == "B♭/F"
    assert found(root, "tie")[0].attrib == {"startid": "#v0e13", "endid": "#v0e14"}
    assert found(root, "slur")[0].attrib == {"startid": "#v0e8", "endid": "#v0e9"}
    assert found(root, "dir")[2].get("startid") == "#v0e14"
    assert [n.get("artic") for n in found(root, "note") if n.get("artic")] == ["stacc"]
    graces = [n.get("stem.mod") for n in found(root, "note") if n.get("grace")]
    assert graces == ["1slash", None, None]
    assert [(t.get("num"), t.get("numbase")) for t in found(root, "tuplet")] == [("3", "2")]


def test_lengths_that_no_single_note_has() -> None:
    root = score(parse("M:none\nL:1/8\nK:C\nA5 A7/2 z9 x2 A3/2- A/"))
    written = [(n.get("dur"), n.get("dots")) for n in found(root, "note")]
    assert written == [("2", None), ("8", None), ("4", "2"), ("8", "1"), ("16", None)]
    assert [r.get("dur") for r in found(root, "rest")] == ["1", "8"]
    assert len(found(root, "space")) == 1
    assert [t.get("startid") for t in found(root, "tie")] == ["#v0e0", "#v0e4"]


def test_each_voice_has_a_staff_with_its_clef() -> None:
    text = HEADER + "V:1\nZ2|A8|\nV:2 clef=bass\nG,8|A,8|B,8|\nV:3 clef=treble-8\nC8|"
    root = score(parse(text))
    assert [len(found(measure, "staff")) for measure in found(root, "measure")] == [3, 3, 3]
    assert attribute(found(root, "staffDef"), "clef.shape") == ["G", "F", "G"]
    assert len(found(root, "mRest")) == 2
    names = [(n.get(ID), n.get("pname"), n.get("oct")) for n in found(root, "note")]
    assert ("v2e0", "c", "3") in names
    assert len(found(score(parse(HEADER + "Z4|A8|")), "multiRest")) == 1


def test_clefs_change_where_the_text_changes_them() -> None:
    music = "A8|[K:bass]A,8|A,4[K:treble-8]A4|[V:2 middle=d]d8|[V:1]A8|"
    root = score(parse(HEADER + "V:1\n[V:2 clef=bass]G,8|[V:1]" + music))
    initial, *later = found(root, "scoreDef")
    shapes = [(d.get("n"), d.get("clef.shape")) for d in found(initial, "staffDef")]
    assert shapes == [("1", "G"), ("2", "F")]
    changes = [d for change in later for d in found(change, "staffDef")]
    assert [(d.get("n"), d.get("clef.shape"), d.get("clef.dis")) for d in changes] == [
        ("1", "F", None), ("2", "F", "15")
    ]  # fmt: skip
    inside = [(c.get("shape"), c.get("dis"), c.get("dis.place")) for c in found(root, "clef")]
    assert inside == [("G", "8", "below")]
    octaves = {n.get(ID): n.get("oct") for n in found(root, "note")}
    assert [octaves[f"v0e{n}"] for n in range(5)] == ["4", "3", "3", "3", "3"]


def test_octaves_that_are_heard_are_printed_and_transpositions_are_not() -> None:
    for options, octave in (("octave=-1", "3"), ("transpose=-12", "4"), ("treble+8", "5")):
        (note,) = found(score(parse(f"M:4/4\nL:1/1\nK:C {options}\nC|")), "note")
        assert note.get("oct") == octave


def test_an_overlay_is_a_second_layer_of_its_voices_staff() -> None:
    text = HEADER + "V:1\nA8|c8 & E4 ^G4|d4 & F2|\nV:2\nA,8|B,8|C8|"
    root = score(parse(text))
    layers = [[len(found(s, "layer")) for s in found(m, "staff")] for m in found(root, "measure")]
    assert layers == [[1, 1], [2, 1], [2, 1]]
    second = [layer for layer in found(root, "layer") if layer.get("n") == "2"]
    assert [len(found(layer, "note")) for layer in second] == [2, 1]
    assert len(found(second[1], "space")) == 1
    assert len(found(root, "staffDef")) == 2


def test_the_pipes_signature_is_not_printed() -> None:
    root = score(parse("M:4/4\nL:1/4\nK:HP\nfcga|"))
    assert [k.get("sig") for k in found(root, "keySig")] == ["0"]
    assert [n.get("accid") for n in found(root, "note")] == [None] * 4
    assert [n.get("accid.ges") for n in found(root, "note")] == ["s", "s", None, None]


def test_a_dotted_bar_line_is_dotted() -> None:
    root = score(parse(HEADER + "A8.|B8|c8|]"))
    assert attribute(found(root, "measure"), "right") == ["dotted", "single", "end"]


def test_a_text_over_an_ending_is_printed() -> None:
    root = score(parse(HEADER + '|:A8|1 B8:|["last time"c8|]'))
    assert attribute(found(root, "ending"), "n") == ["1.", "last time"]


def test_a_long_bar_fits_the_page() -> None:
    measures = found(score(parse(HEADER + "A" * 100)), "measure")
    assert [len(found(measure, "note")) for measure in measures] == [32, 32, 32, 4]
    assert attribute(measures, "right") == ["invis", "invis", "invis", "end"]


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        ("</title><script>alert(1)</script>", "</title><script>alert(1)</script>"),
        ("a & b &amp; c &eacute;", "a & b & c é"),
        ("Caf\\'e \\\"uber", "Café über"),
        ("\\AE\\ae \\oe\\OE \\aa\\AA \\ss \\th\\DH", "Ææ œŒ åÅ ß þÐ"),
        ("\\/o\\/O \\cc \\oa \\vs \\HO \\;a \\u0041\\u00e9", "øØ ç å š Ő ą Aé"),
        ("\\'{e}t\\^{e} 100\\% \\& so \\q \\", "étê 100% & so \\q \\"),
        ("\\ud800 \\U0001D11E", "\\ud800 𝄞"),
        ("\0\x07\x1bbell\ud800\ufffe\ue0a4", "bell"),
        ("Kesh Jig, The", "The Kesh Jig"),
        ("The Kesh Jig, The", "The Kesh Jig"),
        ("the kesh jig, The", "the kesh jig"),
        ("Anger, An", "An Anger"),
        ("&#0;&#27;x", "\ufffdx"),
        ("x" * 1_000_000, "x" * 71 + "…"),
        ("a, " * 300_000, ("a, " * 24)[:71] + "…"),
    ],
)
def test_titles_are_printed_with_their_escapes_resolved(field: str, shown: str) -> None:
    root = score(parse(f'T:{field}\nR:{field}\nC:{field}\nK:C\n"^{field[:99]}"A|'))
    assert found(root, "rend")[0].text == shown


def test_chord_symbols_of_one_note_are_one_text() -> None:
    root = score(parse('K:C\n"G""^slowly""Am"A4'))
    assert [element.text for element in found(root, "harm")] == ["G Am"]
    assert [element.text for element in found(root, "dir")] == ["slowly"]


@pytest.mark.parametrize(("new", "old"), [("!fine!", "+fine+"), ("!f!", "+f+"), ("!+!", "!plus!")])
def test_decorations_as_they_were_written(new: str, old: str) -> None:
    scores = [mei(parse(f"K:C\n{decoration}A4|B4")) for decoration in (new, old)]
    assert scores[0] == scores[1] != mei(parse("K:C\nA4|B4"))


@pytest.mark.parametrize(
    ("music", "message"),
    [
        ("z8|", "got none"),
        ("A" * 5001, "at most 5,000 notes and rests, got 5,001"),
        ("V:1\n" + "Z999|" * 3 + "\nV:2\nA|", "at most 2,000 measures, got 2,997"),
    ],
)
def test_tunes_too_large_for_a_score_are_refused(music: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        mei(parse("K:C\n" + music))


NOTES = ["A", "b2", "^c/", "A7/3", "[CE]", "{g}", "z", "Z2", "x"]
LINES = ["|", ":|", "|:", "::", "||", "|]", "[1", "|2", "P:A\n", "V:2\n", "[V:2]", "\n"]
SIGNS = ["(3", "(5:4:9", "(", ")", "-", ">", "<", ".", "~", '"Am"', "!trill!", " "]
OTHERS = ["[K:Eb]", "[M:6/8]", "[Q:1/8=99]", "w:la\n", "]", "{", '"', "&", "<a", "\0"]
TOKENS = st.sampled_from(NOTES + LINES + SIGNS + OTHERS)


@settings(max_examples=300)
@given(st.lists(TOKENS, max_size=40))
def test_any_music_is_well_formed(music: list[str]) -> None:
    tune = parse(HEADER + "A" + "".join(music))
    assume(tune.notes)  # a line such as `A""Am""Am"` is read as words
    root = score(tune)
    names = [element.get(ID) for element in root.iter() if element.get(ID)]
    assert len(names) == len(set(names))
    for element in root.iter():
        for key in ("startid", "endid"):
            assert element.get(key, "#").removeprefix("#") in ("", *names)
    for number, voice in enumerate(tune.voices):
        for index, event in enumerate(voice.events):
            assert not event.pitches or note_id(number, index) in names
