"""The place in a tune's form: in the bar, in a repeat, in an ending.

Time continues across repeat signs and double bars: at a sign within a bar, the bars before and
after it add up to one bar. So a strain with an upbeat ends in a bar that is shorter by the upbeat.
A repeat may go back only to a place where the bar is as full as at the sign.
"""

from functools import lru_cache
from typing import NamedTuple

FRESH, OPEN, AGAIN, CLOSED, NEVER = range(5)
"""What `:|` goes back to: the start of the tune; a `|:`, which must be closed; after the last
ending; the last `:|`, where endings need a `|:` of their own; nothing, because the meter differs
there."""


class Line(NamedTuple):
    """A bar line."""

    closes: bool = False
    opens: bool = False
    ends: bool = False
    """Whether a tune may end in it."""
    ending: int = 0
    """Number of the ending that begins after it."""


LINES = {
    "|": Line(),
    "||": Line(ends=True),
    "|]": Line(ends=True),
    "|:": Line(opens=True),
    ":|": Line(closes=True, ends=True),
    ":||": Line(closes=True, ends=True),
    ":|]": Line(closes=True, ends=True),
    "::": Line(closes=True, opens=True),
    "|1": Line(ending=1),
    "|[1": Line(ending=1),
    ":|2": Line(closes=True, ending=2),
    ":|[2": Line(closes=True, ending=2),
    "[1": Line(ending=1),
    "[2": Line(ending=2),
}


class Form(NamedTuple):
    """All times in grains."""

    bar: int = 0
    """Length of a bar; 0 where bars need not be filled."""
    unit: int = 8
    """Unit note length: the whole note's part."""
    filled: int = 0
    """How much of the bar is filled."""
    upbeat: bool = True
    """Whether this is the first bar, which may be short."""
    split: int = 0
    """Place in the bar where a strain may begin and end, because one did; 0 for nowhere."""
    start: int = 0
    """Place in the bar to which a repeat goes back."""
    repeat: int = FRESH
    ending: int = 0
    """Number of the ending; 3 between the end of the first one and the number of the second."""
    empty: bool = True
    """Whether nothing sounds since the last bar line."""
    ended: bool = False
    """Whether the tune may end here."""
    doubled: bool = False
    """Whether the last bar line follows another one, or there was none."""

    @property
    def room(self) -> int:
        """Grains that are left in the bar."""
        return self.bar - self.filled if self.bar else 1 << 16

    @property
    def complete(self) -> bool:
        """Whether repeats and endings are closed."""
        return self.repeat != OPEN and self.ending == 0

    def sounded(self, grains: int) -> "Form":
        """The form with so much more in the bar."""
        filled = self.filled + grains if self.bar else 0
        # Not _replace, which takes three times as long: empty, ended and doubled become False.
        return Form(self.bar, self.unit, filled, *self[3:8], False, False, False)

    def remetered(self, bar: int) -> "Form":
        """The form with bars of another length, or with a unit in which the length is another
        number."""
        return self._replace(bar=bar, repeat=self.repeat if self.bar == bar else NEVER)


@lru_cache(maxsize=1 << 16)
def after(form: Form, text: str) -> Form | None:
    """The form after a bar line; None where the bar line may not come."""
    line = LINES[text]
    if form.ending == 3 or text == "[2":
        behind = form._replace(ending=2, doubled=True)
        return behind if form.ending == 3 and text == "[2" else None
    if form.empty:
        return _after_none(form, text, line)
    full = not form.bar or form.filled == form.bar
    if form.upbeat:
        return _after_upbeat(form, line, full)
    if not full and not (line.opens or line.closes or line.ends):
        return None
    here = 0 if full else form.filled
    plain = form._replace(filled=here, empty=True, ended=line.ends, doubled=False)
    if text == "[1":
        return None
    if line.closes:
        return _after_repeat(plain, line)
    if line.ending:
        free = form.ending == 0 and form.repeat in (FRESH, OPEN, AGAIN)
        return plain._replace(ending=1, doubled=True) if free else None
    # A repeat may begin with an upbeat where no strain did before.
    if not full and here != form.split and (form.split or not line.opens or here % form.unit):
        return None
    if line.opens or (line.ends and form.ending):
        if form.ending == 1 or (line.opens and form.repeat == OPEN and not form.ending):
            return None
        repeat = OPEN if line.opens else AGAIN
        return plain._replace(repeat=repeat, start=here, ending=0, split=form.split or here)
    return plain


def _after_none(form: Form, text: str, line: Line) -> Form | None:
    """After another bar line, with nothing in between."""
    if line.ending == 1:
        free = form.ending == 0 and form.repeat in (FRESH, OPEN, AGAIN)
        at_line = not (form.doubled or form.ended or form.upbeat or form.filled)
        return form._replace(ending=1, doubled=True) if free and at_line else None
    if line.closes or line.ending or (form.ending and text != "|"):
        return None
    if line.opens:
        opened = form._replace(repeat=OPEN, start=form.filled, ended=False, doubled=True)
        return opened if form.repeat != OPEN else None
    second = (form.doubled and not form.ended) or form.filled or text == "|]"
    return None if second else form._replace(doubled=True)


def _after_upbeat(form: Form, line: Line, full: bool) -> Form | None:
    """After the first bar, whose length is the upbeat: it was the end of a bar."""
    if line.closes or line.ending or (line.ends and not full):
        return None
    before = 0 if full else form.bar - form.filled
    behind = form._replace(filled=0, upbeat=False, split=before, empty=True, ended=line.ends)
    behind = behind._replace(start=before, doubled=False)
    if line.opens:
        opened = behind._replace(repeat=OPEN, start=0)
        return opened if form.repeat != OPEN else None
    return behind


def _after_repeat(behind: Form, line: Line) -> Form | None:
    """After `:|`; None unless it goes back to a place where the bar is as full as here."""
    if behind.filled != behind.start or behind.repeat == NEVER:
        return None
    if behind.ending == 1:
        if line.opens or (line.ending == 0 and not line.ends):
            return None
        # The first ending began at the start of a bar, and so does the second one.
        return behind._replace(ending=2 if line.ending else 3, filled=0, doubled=True, ended=False)
    if line.ending or (line.opens and (behind.ending or behind.repeat not in (FRESH, OPEN))):
        return None
    repeat = OPEN if line.opens else CLOSED
    return behind._replace(repeat=repeat, ending=0, start=behind.filled)
