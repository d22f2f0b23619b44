"""A tune that a page can show, play and colour: its text, score and sound from one parse."""

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from musicgen.config.recipe import Recipe
from musicgen.errors import InputError, RunError
from musicgen.music import Tune, midi_bytes, parse
from musicgen.music.counts import measure
from musicgen.music.performance import Line, perform
from musicgen.music.score import engrave, mei, note_id
from musicgen.music.tempo import Clock
from musicgen.report.drawing import drawing
from musicgen.report.units import TuneUnits, Units
from musicgen.training.folder import RunFolder

MAX_CHARS = 8_000
"""The most characters of a tune's text; a longer text is cut off."""
MAX_NOTES = 5_000
"""The most notes of a tune that sound, repeats played out; later notes are left out."""
RECIPE = ("temperature", "constrain", "seed")
"""The sampling options that a page shows beside a tune."""


@dataclass(frozen=True)
class Playable:
    """A tune with all that a page needs; `data` is what the page's script reads."""

    name: str
    """The name of the tune's file, without the ending."""
    text: str
    tune: Tune
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """The options with which the tune was sampled: temperature, seed and others."""
    units: TuneUnits | None = None
    """The hidden units at each character of the tune."""

    def data(self, score: "str | RunError", prefix: str) -> dict[str, Any]:
        """The tune as the page's script reads it.

        score: the SVG, or the reason why there is none. prefix: begins all ids in the score.
        """
        tune = self.tune
        picture, note = "", ""
        try:
            picture = "" if isinstance(score, RunError) else drawing(score, prefix)
        except ValueError as error:
            note = str(error)
        return {
            "name": self.name,
            "title": tune.field("T")[:120] or self.name,
            "text": self.text,
            "recipe": dict(self.recipe),
            "measures": measure(tune).described(),
            "problems": [
                f"line {problem.line}, column {problem.column}: {problem.message}"[:200]
                for problem in tune.problems[:5]
            ],
            "more_problems": max(len(tune.problems) - 5, 0),
            "spans": [
                [note_id(number, index), event.start, event.end]
                for number, voice in enumerate(tune.voices)
                for index, event in enumerate(voice.events)
            ],
            "notes": self.notes(),
            "units": asdict(self.units) if self.units and self.units.names else None,
            "midi": base64.b64encode(midi_bytes(tune)).decode() if tune.notes else "",
            "score": picture,
            "no_score": str(score) if isinstance(score, RunError) else note,
        }

    def notes(self) -> list[tuple[int, int, int, str, float]]:
        """(Onset in ms, length in ms, MIDI pitch, id, loudness) of each note that sounds, by onset.
        The id of a note of the accompaniment is empty."""
        if not self.tune.notes:
            return []
        seconds = Clock(self.tune).seconds
        performed = perform(self.tune)
        lines: list[tuple[int | None, Line]] = list(enumerate(performed.voices))
        lines += [(None, line) for line in (performed.bass, performed.chords) if line]
        made = [
            (
                round(1000 * seconds(note.onset)),
                round(1000 * (seconds(note.onset + note.length) - seconds(note.onset))),
                note.pitch,
                "" if number is None else note_id(number, note.event),
                note.loudness,
            )
            for number, line in lines
            for note in line.notes[:MAX_NOTES]
        ]
        return sorted(made, key=lambda note: note[0])[:MAX_NOTES]


def playables(folder: Path) -> list[Playable]:
    """The tunes in a run's folder, by temperature, lowest first.

    These are the tunes in tunes/ that the network wrote with its present weights. If there are
    none, they are the samples of its training. The list is empty if there are none yet.
    """
    digest = weights_digest(folder)
    units = Units.read(folder, digest)
    found = [_read(path, _shown(recipe), units) for path, recipe in written(folder, digest).items()]
    if not found:
        sampled = RunFolder(folder).sampled().items()
        return [_read(path, {"temperature": temperature}) for temperature, path in sampled]
    return sorted(found, key=lambda playable: playable.recipe.get("temperature", math.inf))


def exhibited(folder: Path) -> bool:
    """Whether a run has tunes by its present weights, and the hidden units for each of them."""
    digest = weights_digest(folder)
    units = Units.read(folder, digest)
    paths = written(folder, digest)
    return bool(paths) and all(units.of(path.stem, read_text(path)) for path in paths)


def written(folder: Path, digest: str) -> dict[Path, Recipe]:
    """The files in a run's tunes/ that the weights with this digest wrote, with their recipes. A
    run that went on also has tunes by earlier weights."""
    recipes = {path: Recipe.read(path) for path in sorted(RunFolder(folder).tunes.glob("*.abc"))}
    return {
        path: recipe
        for path, recipe in recipes.items()
        if recipe and recipe.weights.sha256 == digest
    }


def weights_digest(folder: Path) -> str:
    """SHA-256 of a run's best weights; empty if it keeps none."""
    try:
        return hashlib.sha256(RunFolder(folder).best.read_bytes()).hexdigest()
    except OSError:
        return ""


def read_text(path: Path) -> str:
    """The first MAX_CHARS characters of a tune's text, which the page shows."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(MAX_CHARS)


def _read(path: Path, recipe: dict[str, Any], units: Units | None = None) -> Playable:
    text = read_text(path)
    played = None if units is None else units.of(path.stem, text)
    return Playable(path.stem, text, parse(text), recipe, played)


def _shown(recipe: Recipe) -> dict[str, Any]:
    """What the page shows of a tune's recipe."""
    options = recipe.options
    shown: dict[str, Any] = {
        key: options[key] for key in RECIPE if isinstance(options.get(key), str | int | float)
    }
    if recipe.nearest and isinstance(notes := recipe.nearest.get("notes"), int):
        shown["longest run of notes in a training tune"] = notes
    return shown


def scores(tunes: Iterable[Playable]) -> list[str | RunError]:
    """The engraved SVG of each tune, or the reason why it has none."""
    tunes = list(tunes)
    written: dict[int, str] = {}
    refused: dict[int, RunError] = {}
    for index, playable in enumerate(tunes):
        try:
            written[index] = mei(playable.tune)
        except InputError as error:
            refused[index] = RunError(str(error))
    drawn = dict(zip(written, engrave(written.values()), strict=True))
    return [drawn[index] if index in drawn else refused[index] for index in range(len(tunes))]
