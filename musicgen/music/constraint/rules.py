"""The rules of the automaton: its characters, and how strict it is."""

from collections.abc import Hashable, Iterable
from functools import lru_cache

from musicgen.errors import InputError, Remedy
from musicgen.music.constraint.form import LINES, Form, after
from musicgen.music.constraint.spelling import (
    GRAIN,
    HORNPIPE_METERS,
    TUPLETS,
    Spelling,
    Words,
    meter_length,
)
from musicgen.music.kinds import Kinds

END = "<end>"
UPPER, LOWER = "CDEFGAB", "cdefgab"


class Rules(Spelling):
    """The rules for one vocabulary."""

    def __init__(self, alphabet: Iterable[str], bars: bool, kinds: Kinds | None = None) -> None:
        """bars: every bar fills its meter, and the tune ends in a bar line. kinds: kinds of tokens
        of the training text; None where they were not counted.

        Raises InputError if the alphabet cannot write a tune.
        """
        super().__init__(alphabet)
        self.bars = bars
        self.kinds = kinds
        self._usual = None if kinds is None else kinds.music()
        self.cutting = frozenset({"fermata!", "breath!"})
        """Decorations that change how long a note sounds."""
        if bars:
            self.values["M"] = Words(word for word in self.values["M"].words if self._fills(word))
            # Players hold the note, and the bar gets too long.
            self.decorations = Words(self.decorations.words - {"fermata!"})
        # Players dot a hornpipe's notes themselves, and fail where a note was cut.
        self.hornpipe_decorations = Words(self.decorations.words - self.cutting)
        self.hornpipe_meters = Words(self.values["M"].words & HORNPIPE_METERS)
        self.none = Words([])
        self.further: dict[tuple[Hashable, ...], frozenset[str]] = {}
        """Cached: the characters that continue a token."""
        self.inline = "KMLQ" if self.alphabet >= set("[:]") else ""
        """Fields that may stand in brackets."""
        self.tuplets = {p: q for p, q in TUPLETS.items() if p in self.alphabet}
        self.shortest = min(self.lengths.values(), default=1 << 16)
        """Grains of the shortest length."""
        self.rest = "z" if "z" in self.alphabet and self.usual("z") else self.note
        self.digit = next((digit for digit in "123456789" if digit in self.alphabet), "")
        self.annotations = "".join(mark for mark in "^_>@" if mark in self.alphabet)
        self.lines = lru_cache(maxsize=1 << 16)(self._lines)
        needed = set(END) | set("\nK:") | (set("M|]") if bars else set())
        missing = sorted(needed - self.alphabet)
        if not self.note:
            missing.append("A")
        for letter in "MK" if bars else "K":
            if not self.values[letter]:
                missing.append(f"a value of {letter}:")
        if missing:
            raise InputError(
                f"constrain={'bars' if bars else 'syntax'} must have a vocabulary that can write "
                f"tunes, got one without {', '.join(map(repr, missing))}; "
                "train on a corpus in ABC notation",
                Remedy.NO_CONSTRAINT,
            )

    def usual(self, kind: str) -> bool:
        """Whether the training text has this kind in its music; True if kinds were not counted."""
        return self._usual is None or kind in self._usual

    def _fills(self, meter: str) -> bool:
        """Whether the writable lengths fill a bar of this meter, with any unit note length."""
        whole, finest = meter_length(meter), min(self.lengths.values(), default=GRAIN)
        units = {8, 16} | {int(word[2:]) for word in self.values["L"].words}
        return whole is not None and all(whole * n * GRAIN % finest == 0 for n in units)

    def _lines(self, form: Form) -> Words:
        """The bar lines that may come here, without those before an ending that cannot be
        completed."""
        endless = set() if "2" in self.alphabet else {1, 3}
        endless |= set() if "[" in self.alphabet else {3}
        behind = {text: after(form, text) for text in LINES}
        return self._words(
            text for text, there in behind.items() if there and there.ending not in endless
        )
