"""A tune as a score in MEI 5, the XML of the Music Encoding Initiative."""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

from musicgen.errors import InputError
from musicgen.music.key import LETTERS, Key
from musicgen.music.meter import Meter
from musicgen.music.score.cells import Cell
from musicgen.music.score.cells import endings as endings_of
from musicgen.music.score.signs import readable, tempo_sign
from musicgen.music.score.spelling import ORDER, printed_signature
from musicgen.music.score.staff import Staff, clef_attributes, note_id
from musicgen.music.tune import Tune
from musicgen.music.voice import Bar, Event

MAX_EVENTS = 5_000
"""Most notes and rests of a score: some twenty pages of print."""
MAX_MEASURES = 2_000
MAX_VOICES = 8
"""Most staves of a score; further voices are left out."""
MAX_TITLE = 72
"""Characters of a title that fit a line of print."""

_DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0">
<meiHead><fileDesc><titleStmt><title>{title}</title></titleStmt><pubStmt/></fileDesc></meiHead>
<music><body><mdiv><score>
<scoreDef>{heading}{signature}<staffGrp{symbol}>{staves}</staffGrp></scoreDef>
<section>
{measures}
</section></score></mdiv></body></music></mei>
"""
_LINES = {"||": "dbl", "|]": "end", "|": "single", "[|]": "invis", "": "invis", ".|": "dotted"}
_GAP = '<rend halign="center" valign="top" fontsize="40%">&#160;</rend>'
"""Keeps a subtitle clear of the title's descenders."""
_SUM = re.compile(r"\(?([0-9]+(?: *\+ *[0-9]+)+)\)? */ *[0-9]+")
_ARTICLE_LAST = re.compile(r"^([^,]+), (The|An?|Le|La|Les|Der|Die|Das)$", re.IGNORECASE)


def mei(tune: Tune) -> str:
    """The tune as written, repeats not played out; ids of the notes are those of `note_id`.

    The result is well-formed XML for any text. Raises InputError for a tune without notes, or with
    more than MAX_EVENTS notes and rests or MAX_MEASURES measures.
    """
    if not tune.notes:
        raise InputError("a tune needs a note to become a score, got none; sample another one")
    places = list(accumulate(int(not voice.overlay) for voice in tune.voices))
    voices = tune.voices[: sum(place <= MAX_VOICES for place in places)]
    if (events := sum(len(voice.events) for voice in voices)) > MAX_EVENTS:
        rule = f"a score holds at most {MAX_EVENTS:,} notes and rests"
        raise InputError(f"{rule}, got {events:,}; take a shorter tune")
    staves = [Staff(tune, number, places[number]) for number in range(len(voices))]
    count = staves[-1].place
    first = voices[0].bars[0]
    return _DOCUMENT.format(
        title=readable(tune.field("T"), MAX_TITLE),
        heading=_heading(tune),
        signature=_key_signature(first.key) + _meter_signature(first.meter),
        symbol=' symbol="bracket" bar.thru="true"' if count > 1 else "",
        staves="".join(
            f'<staffDef n="{staff.place}" lines="5"{clef_attributes(staff.clef_at(0), "clef.")}/>'
            for staff in staves
            if not staff.overlays
        ),
        measures="\n".join(_measures(tune, staves)),
    )


def _heading(tune: Tune) -> str:
    """Title, and below it rhythm at the left and composer at the right."""
    titles = [
        readable(_article_first(field.value[: 2 * MAX_TITLE]), MAX_TITLE)
        for field in tune.fields
        if field.letter == "T" and field.start < tune.body
    ]
    styles = ['valign="top" fontsize="x-large"', *['valign="middle" fontsize="medium"'] * 2]
    lines = [
        f'<rend halign="center" {style}>{title}</rend>'
        for style, title in zip(styles, filter(None, titles), strict=False)
    ]
    if len(lines) > 1:
        lines.insert(1, _GAP)
    if rhythm := readable(tune.field("R")):
        style = 'halign="left" valign="bottom" fontstyle="italic" fontsize="medium"'
        lines.append(f"<rend {style}>{rhythm}</rend>")
    if composer := readable(tune.field("C"), MAX_TITLE):
        lines.append(f'<rend halign="right" valign="bottom" fontsize="medium">{composer}</rend>')
    return f"<pgHead>{''.join(lines)}</pgHead>" if lines else ""


def _article_first(title: str) -> str:
    """`The Kesh Jig` for `Kesh Jig, The`, and for `The Kesh Jig, The`, which networks write."""
    match = _ARTICLE_LAST.match(title)
    if not match:
        return title
    name, article = match.groups()
    return name if name.lower().startswith(f"{article} ".lower()) else f"{article} {name}"


def _measures(tune: Tune, staves: Sequence[Staff]) -> Iterator[str]:
    """Measures, with the changes of key and meter, line breaks and endings around them."""
    columns = [staff.cells(spread_rests=len(staves) > 1) for staff in staves]
    if (measures := max(map(len, columns))) > MAX_MEASURES:
        rule = f"a score holds at most {MAX_MEASURES:,} measures"
        raise InputError(f"{rule}, got {measures:,}; take a shorter tune")
    # The voice with most bars, usually the first, determines lines, repeats and endings.
    lead = max(range(len(staves)), key=lambda number: len(columns[number]))
    cells = columns[lead]
    endings = dict(endings_of(cells))
    tempos = dict(_tempos(tune))
    close_at = -1
    for number, cell in enumerate(cells):
        if number and cell.begins:
            yield _change(cells[number - 1].bar, cell.bar)
            yield from _clef_changes(staves, columns, number)
            if _ends_line(tune.text, tune.voices[lead].events, cell.first):
                yield "<sb/>"
        if number in endings:
            close_at = endings[number]
            numbers = ", ".join(f"{time}." for time in cell.bar.ending)
            yield f'<ending n="{readable(cell.bar.ending_text) or numbers}">'
        shown: dict[int, list[str]] = {}
        signs: list[str] = []
        for staff, column in zip(staves, columns, strict=True):
            layer, about = staff.layer(column[number]) if number < len(column) else ("", [])
            layers = shown.setdefault(staff.place, [])
            if staff.overlays and (number >= len(column) or staff.pauses(column[number])):
                continue
            layers.append(layer or "<mSpace/>")
            signs += about
        if number < len(columns[0]) and ((own := columns[0][number]).begins or not own.rests):
            signs += [tempos[event] for event in range(own.first, own.last) if event in tempos]
        if cell.begins and (label := readable(cell.bar.part)):
            at = f'startid="#{note_id(lead, cell.first)}" staff="1" place="above"'
            signs.append(f"<reh {at}>{label}</reh>")
        following = cells[number + 1] if number + 1 < len(cells) else None
        music = "".join(_staff(place, layers) for place, layers in shown.items())
        yield f"<measure{_bar_lines(cell, following)}>{music}{''.join(signs)}</measure>"
        if number == close_at:
            yield "</ending>"


def _staff(place: int, layers: Sequence[str]) -> str:
    inner = "".join(f'<layer n="{n}">{layer}</layer>' for n, layer in enumerate(layers, start=1))
    return f'<staff n="{place}">{inner}</staff>'


def _clef_changes(
    staves: Sequence[Staff], columns: Sequence[Sequence[Cell]], number: int
) -> Iterator[str]:
    """Clefs that change with this measure; a change within a measure is drawn at its note."""
    for staff, column in zip(staves, columns, strict=True):
        if number < len(column) and not staff.overlays:
            first = column[number].first
            before, clef = staff.clef_at(first - 1), staff.clef_at(first)
            if clef_attributes(clef) != clef_attributes(before):
                changed = f'<staffDef n="{staff.place}"{clef_attributes(clef, "clef.")}/>'
                yield f"<scoreDef><staffGrp>{changed}</staffGrp></scoreDef>"


def _change(before: Bar, bar: Bar) -> str:
    """The changes of key and meter to print before a bar."""
    changed = ""
    if _key_signature(bar.key) != _key_signature(before.key):
        changed += _key_signature(bar.key)
    if bar.meter != before.meter:
        changed += _meter_signature(bar.meter)
    return f"<scoreDef>{changed}</scoreDef>" if changed else ""


def _ends_line(text: str, events: Sequence[Event], first: int) -> bool:
    """Whether the text breaks the line before an event, without a backslash that joins lines."""
    lines = text[events[first - 1].end : events[first].start].split("\n")[:-1]
    return any(not line.rstrip().endswith("\\") for line in lines)


def _bar_lines(cell: Cell, following: Cell | None) -> str:
    """The lines at the left and the right of a measure."""
    bar = cell.bar
    lines = ' left="rptstart"' if cell.begins and bar.opens else ""
    if not cell.ends:
        return f'{lines} right="{"single" if cell.rests else "invis"}"'
    if bar.closes:
        return f'{lines} right="rptend"'
    if following is None and not bar.line:
        return f'{lines} right="end"'  # the text stops without a bar line
    opening = following is not None and following.bar.opens
    plain = "dbl" if bar.section and not opening else "single"
    return f'{lines} right="{_LINES.get(bar.line, plain) if not opening else plain}"'


def _key_signature(key: Key) -> str:
    signature = printed_signature(key) if key.printed else (0,) * 7
    for sharps in range(-7, 8):
        if Key(sharps=sharps).signature == signature:
            return f'<keySig sig="{abs(sharps)}{"s" if sharps > 0 else "f" if sharps else ""}"/>'
    signs = [(letter, signature[LETTERS.index(letter)]) for letter in ORDER]
    ordered = [*((n, "s") for n, a in signs if a > 0), *((n, "f") for n, a in signs[::-1] if a < 0)]
    inner = "".join(f'<keyAccid pname="{name.lower()}" accid="{a}"/>' for name, a in ordered)
    return f"<keySig>{inner}</keySig>"


def _meter_signature(meter: Meter) -> str:
    if not meter.numerator:
        return ""
    if meter.text in ("C", "C|"):
        symbol = "common" if meter.text == "C" else "cut"
        return f'<meterSig sym="{symbol}" count="{meter.numerator}" unit="{meter.denominator}"/>'
    sums = _SUM.fullmatch(meter.text)
    count = sums[1].replace(" ", "") if sums else meter.numerator
    return f'<meterSig count="{count}" unit="{meter.denominator}"/>'


def _tempos(tune: Tune) -> Iterator[tuple[int, str]]:
    """Tempo signs by event of the first voice, where the tempo changes."""
    before = None
    changes = [(0, tune.tempo)] if tune.tempo else []
    for event, tempo in dict([*changes, *tune.voices[0].tempos]).items():
        if tempo != before:
            yield event, tempo_sign(tempo, f' startid="#{note_id(0, event)}" staff="1"')
        before = tempo
