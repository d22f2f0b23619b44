"""Spelling: the letter, octave and accidental by which a pitch is printed."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from musicgen.music.grammar import Kind, Lexeme, lexicon, tokenize
from musicgen.music.key import SEMITONES, Key

ORDER = "FCGDAEB"
"""Letters in the order in which a signature adds sharps."""
_LETTERS = "cdefgab"
_ACCIDENTALS = {-2: "ff", -1: "f", 0: "n", 1: "s", 2: "x"}
_SOUNDING = {-2: "ff", -1: "f", 1: "s", 2: "ss"}


class Spelled(NamedTuple):
    """A note head on the page."""

    step: int
    """Diatonic step: 35 is middle C."""
    alter: int
    """Semitones of the sounding pitch above its letter."""
    accidental: str
    """The accidental to print, as in MEI: `s`, `f`, `n`, `x`, `ff`; empty where key and bar imply
    it."""
    pitch: int
    """Sounding MIDI pitch."""

    def attributes(self, octaves: int = 0) -> str:
        """Attributes of MEI's `<note>`. octaves: how far a clef such as treble-8 moves it."""
        written = f'pname="{_LETTERS[self.step % 7]}" oct="{self.step // 7 - 1 + octaves}"'
        if self.accidental:
            return f'{written} accid="{self.accidental}"'
        if self.alter:
            return f'{written} accid.ges="{_SOUNDING[self.alter]}"'
        return written


def printed_signature(key: Key) -> tuple[int, ...]:
    """Semitones by letter from C to B, as a signature prints them: no double sharps or flats."""
    return tuple(min(max(alter, -1), 1) for alter in key.signature)


class Speller:
    """Remembers the accidentals that a bar has printed so far."""

    def __init__(self) -> None:
        self._signature: tuple[int, ...] = (0,) * 7
        self._transpose = 0
        self._printed: dict[int, int] = {}
        self._before: dict[int, int] = {}

    def begin_bar(self, key: Key) -> None:
        """Forget the accidentals of the bar before."""
        self._signature = printed_signature(key)
        self._transpose = key.transpose
        self._before, self._printed = self._printed, {}

    def spell(self, lexeme: Lexeme, pitch: int, held: bool = False) -> Spelled:
        """How to print a note.

        lexeme: as written. held: tied to a note of this pitch before it, which has its accidental.
        An accidental that key and bar imply is left out, unless the bar before printed another one
        at this place, and the text repeats it as a reminder.
        """
        step = lexeme.step
        alter = (pitch - self._transpose - step // 7 * 12 - SEMITONES[step % 7] + 6) % 12 - 6
        if abs(alter) > 2:  # changed to fit MIDI's range, or transposed within a bar
            alter = lexeme.alter or 0
        now = self._printed.get(step, self._signature[step % 7])
        reminder = lexeme.alter is not None and self._before.get(step, alter) != alter
        if held or (alter == now and not (reminder and step not in self._printed)):
            return Spelled(step, alter, "", pitch)
        self._printed[step] = alter
        return Spelled(step, alter, _ACCIDENTALS[alter], pitch)


def written_notes(token: str, pitches: Sequence[int]) -> Iterator[tuple[Lexeme, int]]:
    """Lexeme and pitch of each note in a note, a chord or grace notes, as the text writes them."""
    lexeme = lexicon[token]
    if lexeme.kind is Kind.NOTE:
        yield lexeme, pitches[0]
        return
    inner = [lexicon[part] for part in _parts(token)]
    yield from zip((part for part in inner if part.kind is Kind.NOTE), pitches, strict=False)


def _parts(token: str) -> Iterator[str]:
    """Tokens between the brackets of a chord or of grace notes, chords among them opened."""
    closing = max(map(token.rfind, "]}+"))
    for part in tokenize(token[1:closing]):
        if lexicon[part].kind is Kind.CHORD:
            yield from _parts(part)
        else:
            yield part
