"""MusicXML, read back with music21 and validated against the schema of MusicXML 4.0."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.errors import InputError
from musicgen.music import Tune, parse
from musicgen.music.score import musicxml
from musicgen.music.unfold import play_order
from tests.music.corpora import folk_tunes, report_tunes
from tests.music.schema import faults

READER = Path(__file__).with_name("reader21.py")
HEADER = "X:1\nT:A tune\nC:Someone\nM:4/4\nL:1/8\nK:G\n"


def read_back(tunes: Sequence[Tune], folder: Path) -> list[dict[str, Any]]:
    """What music21 reads in the documents of the tunes."""
    files = []
    for number, tune in enumerate(tunes):
        files.append(folder / f"{number}.musicxml")
        files[-1].write_text(musicxml(tune))
    command = [sys.executable, "-P", str(READER), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def read(abc: str, folder: Path) -> dict[str, Any]:
    document = musicxml(parse(abc))
    assert faults(document) == []
    (found,) = read_back([parse(abc)], folder)
    return found


def sounding(tune: Tune, number: int) -> list[tuple[float, float, list[int]]]:
    """(Offset, length, pitches) of a voice as written, ties joined, as music21 joins them: a chord
    with its like as a whole."""
    voice, quarter = tune.voices[number], tune.ticks // 4
    found: list[tuple[Fraction, Fraction, list[int]]] = []
    held: tuple[int, ...] = ()
    for index, event in enumerate(voice.events):
        onset, length = Fraction(event.onset, quarter), Fraction(event.length, quarter)
        pitches = sorted(set(event.pitches))
        if pitches and sorted(set(held)) == pitches == found[-1][2]:
            found[-1] = (found[-1][0], onset + length - found[-1][0], pitches)
        elif pitches:
            found.append((onset, length, pitches))
        held = tuple(set(voice.ties.get(index, ())) & set(event.pitches))
    return [(float(onset), float(length), pitches) for onset, length, pitches in found]


def differs(tune: Tune, found: dict[str, Any]) -> str:
    """Where what music21 read is not the tune; empty if it is."""
    if len(found["parts"]) != len(tune.voices):
        return f"{len(found['parts'])} parts"
    quarter = tune.ticks // 4
    for number, (voice, part) in enumerate(zip(tune.voices, found["parts"], strict=True)):
        expected = sounding(tune, number)
        for mine, theirs in zip(expected, part["notes"], strict=False):
            same = mine[2] == theirs[2] and all(abs(mine[i] - theirs[i]) < 0.01 for i in (0, 1))
            if not same:
                return f"voice {number}: {mine}, music21 has {theirs}"
        if len(expected) != len(part["notes"]):
            return f"voice {number}: {len(expected)} notes, music21 has {len(part['notes'])}"
        bars = [bar.onset / quarter for bar in voice.bars if not multirest(tune, bar.first, number)]
        missing = [onset for onset in bars if min(abs(onset - m) for m in part["measures"]) > 0.01]
        if missing:
            return f"voice {number}: no measure at quarter {missing[0]}"
    return ""


def multirest(tune: Tune, first: int, number: int) -> bool:
    return tune.text[tune.voices[number].events[first].start] in "ZX"


def played(tune: Tune) -> list[list[int]]:
    """Pitches of the notes of the first voice with repeats played out, as written notes."""
    voice = tune.voices[0]
    order = play_order(voice.bars, "")
    events = [e for n in order for e in voice.events[voice.bars[n].first : voice.bars[n].last]]
    return [sorted(set(event.pitches)) for event in events if event.pitches]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tunes", "step"), [(folk_tunes, 90), (report_tunes, 24)], ids=["folk", "report"]
)
def test_real_tunes_are_valid_and_read_back(
    tunes: Callable[[], list[str]], step: int, tmp_path: Path
) -> None:
    """Pitches, onsets, lengths and bars of every voice; the schema; and the order of play."""
    chosen = [tune for tune in map(parse, tunes()[3::step]) if tune.notes]
    for tune in chosen:
        assert faults(musicxml(tune)) == [], tune.field("T")
    found = read_back(chosen, tmp_path)
    pairs = list(zip(chosen, found, strict=True))
    assert not {tune.field("T"): why for tune, one in pairs if (why := differs(tune, one))}
    # music21 plays `D.C.`, too, and gives up where an ending has several numbers or no sister.
    judged = [
        (tune, one["parts"][0]["played"])
        for tune, one in pairs
        if "D.C." not in tune.text and has_sisters(one["parts"][0]["endings"])
    ]
    assert len(judged) > 0.9 * len(chosen)
    assert not [t.field("T") for t, p in judged if [pitches for _, pitches in p] != played(t)]


def has_sisters(endings: list[list[Any]]) -> bool:
    numbers = [number for *_, number in endings]
    return numbers.count("1") == numbers.count("2") and not any("," in n for n in numbers)


CONSTRUCTS = [
    "CDEF GABc|",
    "C>D (3EFG c//d/4e/8f/|G8-|G4-G4|",
    "[CEG]4-[CEG]4|[CE]4C4|z4 x4|Z2|C5 D3|",
    "^c=c_c ^^c|__B4 B4|",
    "(C(DE)F) {ga}G4|",
    "(5CDEFG z4|(3(AB)c (3:2:2d2e z4|",
    "V:1\nC8|D8|\nV:2 clef=bass\nC,8|Z|\nV:3\nE8|",
    "C3/7D4/7 E6|",
    "[M:3/4]C6|[K:Eb]E6|[M:none]CDEFGAB|[M:2/2]C8|",
]


@pytest.mark.slow
def test_each_construct_is_valid_and_read_back(tmp_path: Path) -> None:
    tunes = [parse(HEADER + music) for music in CONSTRUCTS]
    found = read_back(tunes, tmp_path)
    for music, tune, one in zip(CONSTRUCTS, tunes, found, strict=True):
        assert faults(musicxml(tune)) == []
        assert differs(tune, one) == "", music


REPEATS = [
    "|:C8|D8:|E8|]",
    "C8|D8:|E8|F8:|",
    "|:C8|1D8:|2E8|]",
    "|:C8|[1D8:|[2E8:|[3F8||G8|",
    "C8|1D8:|2E8||F8|1G8:|2A8|]",
    "|:C8|1D8:|2E8:|F8|]",
    "|:C8::D8:|",
    "|:C8::|D8|",
    "|:C8|D8|",
    "G2|C8|D6:|G2|E8|F6:|",
]


@pytest.mark.slow
def test_repeats_are_played_as_we_play_them(tmp_path: Path) -> None:
    tunes = [parse(HEADER + music) for music in REPEATS]
    for music, tune, one in zip(REPEATS, tunes, read_back(tunes, tmp_path), strict=True):
        assert faults(musicxml(tune)) == []
        assert [pitches for _, pitches in one["parts"][0]["played"]] == played(tune), music


@pytest.mark.slow
def test_repeats_and_endings_are_read_back(tmp_path: Path) -> None:
    (part,) = read(HEADER + "|:C8|D8|1E8:|2F8||\n|:G8:|]", tmp_path)["parts"]
    assert part["repeats"] == [[0, "start"], [2, "end"], [4, "start"], [4, "end"]]
    assert part["endings"] == [[2, 2, "1"], [3, 3, "2"]]
    (part,) = read(HEADER + "|:C8|1,3D8:|2,4E8:|F8|]", tmp_path)["parts"]
    assert part["repeats"] == [[0, "start"], [1, "end"], [2, "end"]]
    assert part["endings"] == [[1, 1, "1, 3"], [2, 2, "2, 4"]]


@pytest.mark.slow
def test_title_composer_tempo_and_key(tmp_path: Path) -> None:
    abc = "X:1\nT:Caf\\'e & <Bar>\nC:Me\nM:6/8\nL:1/8\nQ:3/8=100\nK:Ador\nABcdef|[Q:3/8=60]g6|"
    found = read(abc, tmp_path)
    assert (found["title"], found["composer"]) == ("Café & <Bar>", "Me")
    (part,) = found["parts"]
    assert part["tempos"] == [[0, 150], [3, 90]]
    assert part["keys"] == [[0, ["F#"]]]
    (plain,) = read("X:1\nR:reel\nM:4/4\nL:1/8\nK:C\nC8|", tmp_path)["parts"]
    assert not plain["keys"][0][1]


@pytest.mark.slow
def test_keys_with_signs_of_their_own(tmp_path: Path) -> None:
    (part,) = read("X:1\nL:1/4\nK:D exp _b ^f\nBF|", tmp_path)["parts"]
    assert set(part["keys"][0][1]) == {"F#", "B-"}
    assert [pitches for *_, pitches in part["notes"]] == [[70], [66]]


CHORDS = {
    "C": ["C", "major", "C"],
    "F#m": ["F#", "minor", "F#"],
    "Bb7": ["B-", "dominant-seventh", "B-"],
    "Am7/G": ["A", "minor-seventh", "G"],
    "Gmaj7": ["G", "major-seventh", "G"],
    "Ddim": ["D", "diminished", "D"],
    "Eaug": ["E", "augmented", "E"],
    "Gsus4": ["G", "suspended-fourth", "G"],
}


@pytest.mark.slow
def test_chord_symbols_are_read_back(tmp_path: Path) -> None:
    music = "".join(f'"{symbol}"G4' for symbol in CHORDS)
    (part,) = read(HEADER + music, tmp_path)["parts"]
    assert part["chords"] == [[2 * n, *named] for n, named in enumerate(CHORDS.values())]
    assert len(part["notes"]) == len(CHORDS)


def test_every_chord_is_of_the_schema() -> None:
    kinds = ["7b9", "69", "6/9", "add9", "m7b5", "dim9", "7sus4", "13", "mM7", "N.C.", "b", "note"]
    music = "".join(f'"{kind if kind in ("N.C.", "b") else "C" + kind}"C2' for kind in kinds)
    assert faults(musicxml(parse(HEADER + music + '"Fine"C2"^up"C2"_down"C2'))) == []


@pytest.mark.slow
def test_lyrics_are_read_back_at_their_notes(tmp_path: Path) -> None:
    abc = HEADER + "CDEF GABc|dcBA G4|\nw: one two-three * four_ five-|six~x se\\-ven\n"
    abc += "w: deux\nC8|\nw: end\n"
    (part,) = read(abc, tmp_path)["parts"]
    assert [lyric for lyric in part["lyrics"] if lyric[2]] == [
        [0, 1, "one", "single"],
        [0, 2, "deux", "single"],
        [0.5, 1, "two", "begin"],
        [1, 1, "three", "end"],
        [2, 1, "four", "single"],
        [3, 1, "five", "begin"],
        [4, 1, "six x", "end"],
        [4.5, 1, "se-ven", "single"],
        [8, 1, "end", "single"],
    ]


@pytest.mark.slow
def test_grace_notes_are_read_back(tmp_path: Path) -> None:
    (part,) = read(HEADER + "{cd}e4 {/g}a4|", tmp_path)["parts"]
    assert part["graces"] == [[72], [74], [79]]


TRANSPOSING = {
    "C transpose=-2": [58, 65],
    "C transpose=-14": [46, 53],
    "C octave=1": [72, 79],
    "C clef=treble-8": [48, 55],
    "C clef=bass": [60, 67],
}


@pytest.mark.slow
def test_transposing_parts_sound_where_the_tune_does(tmp_path: Path) -> None:
    tunes = [parse(f"X:1\nL:1/4\nK:{key}\nCG|") for key in TRANSPOSING]
    found = read_back(tunes, tmp_path)
    for tune, one, pitches in zip(tunes, found, TRANSPOSING.values(), strict=True):
        assert faults(musicxml(tune)) == []
        sounding = [pitch for *_, pitch in one["parts"][0]["notes"]]
        assert sounding == [[pitch] for pitch in pitches]


@pytest.mark.slow
def test_an_overlay_is_a_second_voice_of_its_part(tmp_path: Path) -> None:
    found = read(HEADER + "c4 d4 & E8|e8|f8 & G2 A2 z4|", tmp_path)
    (part,) = found["parts"]
    assert sorted(part["notes"]) == [
        [0, 2, [72]],
        [0, 4, [64]],
        [2, 2, [74]],
        [4, 4, [76]],
        [8, 1, [67]],
        [8, 4, [78]],
        [9, 1, [69]],
    ]
    assert part["measures"] == [0, 4, 8]


@pytest.mark.slow
def test_clefs_and_octaves_change_inside_a_tune(tmp_path: Path) -> None:
    abc = "X:1\nM:4/4\nL:1/4\nK:C treble-8\nCDEF|\nK:G\nGABc|[K:treble]GA[K:bass octave=-1]Bc|"
    abc += "[K:treble octave=0 transpose=2]CDEF|"
    (part,) = read(abc, tmp_path)["parts"]
    expected = [pitch for e in parse(abc).voices[0].events for pitch in e.pitches]
    assert [pitches for *_, pitches in part["notes"]] == [[pitch] for pitch in expected]


def test_signs_are_of_the_schema() -> None:
    names = "trill fermata segno coda fine D.C. D.S. p mf crescendo( crescendo) turn roll mordent "
    names += "pralltriller accent tenuto wedge breath arpeggio 3 upbow snap open plus marcato <( <)"
    music = "".join(f"!{name}!C" for name in names.split()) + ".C~CTCHCLCMCOCPCSCuCvC"
    assert faults(musicxml(parse(HEADER + "P:A\n" + music))) == []


@given(st.text(st.sampled_from('abcABC^_=|:123456789/ >-(z[]{}"~!.G&%\nKVMPw\\*xZ'), max_size=80))
def test_any_text_keeps_to_the_schema(music: str) -> None:
    assert faults(musicxml(parse(HEADER + "|c" + music))) == []


@given(st.text(max_size=200))
def test_hostile_texts_give_valid_documents(title: str) -> None:
    tune = parse(f'T:{title}\nC:{title}\nS:{title}\nR:{title}\nK:C\n"{title}"c\nw:{title}')
    if tune.notes:
        assert faults(musicxml(tune)) == []


def test_tunes_that_fit_no_musicxml_document_are_refused() -> None:
    with pytest.raises(InputError, match="needs a note"):
        musicxml(parse("K:C\nz4|"))
    with pytest.raises(InputError, match="at most 20,000 notes and rests, got 20,001"):
        musicxml(parse("K:C\n" + "A" * 20_001))
    with pytest.raises(InputError, match="at most 10,000 measures"):
        musicxml(parse("M:4/4\nK:C\nA8|" + "Z900|" * 12))
