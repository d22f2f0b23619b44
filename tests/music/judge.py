"""The judge: `abc2midi`, written by other people, and the comparison of its notes with ours.

It is GPL and a test's tool only; nothing of musicgen calls it.
"""

import io
import re
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import mido

from musicgen.music import Tune
from musicgen.music.unfold import sections

TOLERANCE = Fraction(1, 100)
"""Of a quarter note: abc2midi rounds onsets to 1/480."""

_ORNAMENT = re.compile(r'"[^"\n]*"|\[[A-Za-z]:[^\]\n]*\]|(![^!\n]*!|[~.H-Wh-w])')
_INLINE = re.compile(r"\s*\[[A-Za-z]:[^\]\n]*\]")
_FIELD = re.compile(r"[A-Za-z+]:(?![|:])|%")

Notes = list[tuple[Fraction, int]]
"""(onset in quarter notes, MIDI pitch), in this order."""


@dataclass(frozen=True)
class Verdict:
    """What abc2midi made of a tune."""

    complaints: list[str]
    voices: list[Notes]
    """Those with notes in them."""

    @property
    def clean(self) -> bool:
        return not self.complaints and bool(self.voices)


def without_ornaments(abc: str) -> str:
    """The text without decorations: abc2midi plays trills and rolls out."""

    def keep(match: re.Match[str]) -> str:
        return "" if match[1] else match[0]

    lines = abc.split("\n")
    return "\n".join(line if _FIELD.match(line) else _ORNAMENT.sub(keep, line) for line in lines)


def with_explicit_repeats(tune: Tune) -> str:
    """The tune with `|:` where our reading begins a repeat that the text leaves open.

    abc2midi takes a missing `|:` to stand at the last repeat sign, never at a double bar or behind
    the last ending, and goes back once more from a `:|` behind the last ending: it then leaves out
    half of a tune, or plays the first strain in the middle of the second. Judged again with the
    repeats spelled out, everything but the place of the missing sign is still compared.
    """
    edits: list[tuple[int, int, str]] = []
    for voice in tune.voices:
        if voice.overlay:
            continue
        for first, end, passes in sections(voice.bars, 0, len(voice.bars)):
            closing = voice.bars[end - 1]
            endings = any(bar.ending for bar in voice.bars[first:end])
            if passes > 1 and first and not voice.bars[first].opens:
                line = tune.text.rfind("\n", 0, voice.events[voice.bars[first].first].start) + 1
                at = max(voice.bars[first].start, line)  # not before a field's line
                if inline := _INLINE.match(tune.text, at):
                    at = inline.end()
                edits.append((at, at, " |:"))
            if endings and closing.closes and passes > 1:
                edits.append((closing.end, closing.end + len(closing.line), "||"))
    text = tune.text
    for start, stop, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[stop:]
    return text


def ask(abc: str, folder: Path, *options: str) -> Verdict:
    """Let abc2midi play the tune, without grace notes, ornaments and chord accompaniment.

    folder: empty, for its files. options: more of abc2midi's.
    """
    # R:hornpipe makes abc2midi play a>b as 2:1.
    numberless = re.sub(r"^(?:X|R):.*\n", "", abc, flags=re.MULTILINE)
    source, target = folder / "tune.abc", folder / "tune.mid"
    target.unlink(missing_ok=True)
    plain = "%%MIDI gchordoff\n%%MIDI chordattack 0\n" + without_ornaments(numberless)
    source.write_text("X:1\n" + plain, encoding="latin-1", errors="replace")
    usual = ["-NGRA", "-NGUI", "-NFER", "-o", target.name]
    command = ["abc2midi", source.name, "1", *usual, *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False)
    said = (done.stdout + done.stderr).decode("latin-1").splitlines()
    complaints = [line for line in said if "warning" in line.lower() or "error" in line.lower()]
    return Verdict(complaints, read_notes(target) if target.exists() else [])


def read_notes(file: Path | io.BytesIO) -> list[Notes]:
    """The notes of each track that has any."""
    try:
        midi = mido.MidiFile(file) if isinstance(file, Path) else mido.MidiFile(file=file)
    except (OSError, EOFError, ValueError):
        return []
    voices = []
    for track in midi.tracks:
        now, notes = 0, []
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                notes.append((Fraction(now, midi.ticks_per_beat), message.note))
        if notes:
            voices.append(sorted(notes))
    return voices


def play(tune: Tune) -> list[Notes]:
    """Our own reading, in the judge's form."""
    quarter = Fraction(tune.ticks, 4)
    voices = (sorted((note.onset / quarter, note.pitch) for note in v) for v in tune.unfolded())
    return [voice for voice in voices if voice]


def difference(ours: list[Notes], theirs: list[Notes]) -> str:
    """Where two readings of a tune part, in words; empty if they agree."""
    if len(ours) != len(theirs):
        return f"{len(ours)} voices, judge has {len(theirs)}"
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        # abc2midi starts a tick late.
        late = other[0][0] - mine[0][0]
        late = late if abs(late) < TOLERANCE else Fraction()
        for (onset, pitch), (at, sounded) in zip(mine, other, strict=False):
            if abs(at - late - onset) > TOLERANCE or pitch != sounded:
                here = f"voice {number}, quarter {float(onset):.3f}"
                return f"{here}: {pitch}, judge has {sounded} at {float(at - late):.3f}"
        if len(mine) != len(other):
            return f"voice {number}: {len(mine)} notes, judge has {len(other)}"
    return ""
