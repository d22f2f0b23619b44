"""Which arguments of a corpus go together, and the licences of the corpora."""

from pathlib import Path

from musicgen.config.keys import BLANK_LINES, CORPORA, PACKAGED, SPLITS
from musicgen.errors import InputError, Remedy

LICENCES = {
    "folk": "The printed books are in the public domain (Aird from 1778 on, Ryan 1883, O'Neill "
    "1903). Their ABC transcriptions come with the music21 package by permission of the "
    "transcribers; some may bar commercial use: see corpus/license.txt there.",
    "cse253": "The file carries no licence; each user brings a copy.",
    "files": "Your own files: their licence is for you to know.",
}
"""What may be done with each corpus, by its name."""


def check_places(
    name: str,
    split: str,
    path: str | Path | None,
    validation_path: str | Path | None,
    test_path: str | Path | None,
) -> dict[str, str | Path]:
    """The paths by configuration key, if they are those that the corpus and the split need."""
    if name not in CORPORA:
        raise InputError(f"data must be one of {', '.join(CORPORA)}, got {name!r}; choose one")
    if split not in SPLITS:
        raise InputError(
            f"data.split must be one of {', '.join(SPLITS)}, got {split!r}; choose one"
        )
    given = {
        "data.path": path,
        "data.validation_path": validation_path,
        "data.test_path": test_path,
    }
    places = {key: place for key, place in given.items() if place is not None}
    if name == PACKAGED and split == "files":
        raise InputError(
            "data.split=files needs files of yours, got the corpus folk; choose another split",
            Remedy.OWN_FILES,
        )
    required = ["data.path"] if name != PACKAGED else []
    required += ["data.validation_path"] if split == "files" else []
    for key in required:
        if key not in places:
            raise InputError(
                f"{key} must name a file for data={name} data.split={split}, got none; name one"
            )
    allowed = given if split == "files" else required
    for key in places:
        if key not in allowed:
            raise InputError(
                f"{key} must be left out for data={name} data.split={split}, "
                f"got '{places[key]}'; drop it",
                Remedy.OWN_FILES if key == "data.path" else Remedy.OWN_SPLIT,
            )
    return places


def check_blank_lines(blank_lines: str) -> None:
    """Raise InputError unless `blank_lines` is one of BLANK_LINES."""
    if blank_lines not in BLANK_LINES:
        raise InputError(
            f"data.blank_lines must be one of {', '.join(BLANK_LINES)}, got {blank_lines!r}; "
            "choose one"
        )


def check_fractions(split: str, val_fraction: float, test_fraction: float) -> None:
    """Raise InputError unless every part gets its share."""
    if not 0 < val_fraction < 1:
        raise InputError(
            f"data.val_fraction must lie between 0 and 1, both excluded, got {val_fraction}; "
            "try 0.1"
        )
    if split == "tunes" and not 0 <= test_fraction < 1 - val_fraction:
        raise InputError(
            "data.test_fraction must be at least 0 and leave something to train on "
            f"(data.val_fraction is {val_fraction}), got {test_fraction}; "
            "try 0.1"
        )
