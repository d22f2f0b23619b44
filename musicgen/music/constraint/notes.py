"""Notes, rests and chords, and what stands around them: graces, decorations."""

from functools import cache

from musicgen.music.constraint.fields import may_write
from musicgen.music.constraint.rules import LOWER, UPPER, Rules
from musicgen.music.constraint.spelling import GRAIN, TUPLETS, Words
from musicgen.music.constraint.state import Hold, State

LETTERS = UPPER + LOWER
SIGNS = ".~HLMOPSTuv"
"""Decorations of one character."""
SINGLE, CUT, PLAIN = "~", ".", "-"
"""Decorations that may come before single notes only; that change how long a note sounds; others.
Players fail where a note of the first two kinds is tied, or shares its time with a neighbour."""
KINDS = dict.fromkeys(SIGNS, PLAIN) | {"~": SINGLE, "T": SINGLE, ".": CUT, "H": CUT}
ACCIDENTALS = Words(["^", "^^", "_", "__", "="])
USUAL = frozenset({3, 4, 6, 8, 9, 12})
"""Eighths of a bar in 3/8, 2/4, 3/4 and 6/8, 4/4, 9/8 and 12/8."""
MAX_CHORD = 5
MAX_STRING = 40
MAX_GRACE = 8
"""Most notes of a group of grace notes: a network that forgets to close it continues for a line."""


def lengths(rules: Rules, state: State) -> Words:
    """Lengths that the next event may have; none where no event may come."""
    hold, room = state.hold, state.form.room
    if state.form.ending == 3:
        return rules.none
    if hold.tuplet:
        return rules.fitting(room // hold.tuplet_time, hold.tuplet_length)
    return rules.fitting(room, hold.broken)


def sounded(rules: Rules, state: State, written: str, pitch: str, notes: bool) -> State:
    """The state after an event of this length. pitch: of a single note, else empty."""
    hold, form = state.hold, state.form
    length = rules.lengths[written]
    if hold.tuplet:
        time = hold.tuplet_time * length if hold.tuplet == 1 else 0
        form = form.sounded(time)
        tuplet, last = hold.tuplet - 1, 0
    else:
        form = form.sounded(length)
        # No chain `a>b>c`: the second sign would be between unequal lengths.
        tuplet, last = 0, 0 if hold.broken or length > form.room else length
    pitch = pitch if hold.ornament in ("", PLAIN) else ""
    # Players split a roll on a note of three units.
    split_up = SINGLE in hold.ornament and length % 3 == 0
    last = 0 if CUT in hold.ornament or split_up else last
    after = Hold(
        pitch=pitch,
        last=last,
        tuplet=tuplet,
        tuplet_time=hold.tuplet_time if tuplet else 0,
        tuplet_length=length if tuplet else 0,
        slur=2 if hold.slur else 0,
        notes=hold.notes or notes,
    )
    return State("idle", "", state.column, form, after, state.seen)


def begin_note(rules: Rules, state: State, character: str) -> State | None:
    """A letter, an accidental, or a rest."""
    hold = state.hold
    if not lengths(rules, state):
        return None
    if character in "zx":
        return None if hold.tie or hold.waits else state.begun("rest", character)
    if hold.tie and not hold.tie.startswith(character):
        return None
    if character in LETTERS:
        return state.begun("note", character)
    return state.begun("accidental", character)


def accidental(rules: Rules, state: State, character: str) -> State | None:
    if character in LETTERS:
        return state.at("note", character)
    longer = state.part + character
    return state.at("accidental", longer) if longer in ACCIDENTALS else None


def octave(part: str, character: str) -> bool:
    """Whether the octave mark may come after this letter and these marks."""
    mark = "," if part[0] in UPPER else "'"
    return character == mark and part[1:] in ("", mark)


def note(rules: Rules, state: State, character: str) -> State | None:
    """part: pitch and length so far. None if neither can continue; then the note may have ended."""
    pitch, written = split(state.part)
    tie = state.hold.tie
    if not written and octave(pitch, character):
        longer = pitch + character
        return state.at("note", longer) if tie.startswith(longer) or not tie else None
    if tie and pitch != tie:
        return None
    if lengths(rules, state).begin(written + character):
        return state.at("note", state.part + character)
    return None


def end_note(rules: Rules, state: State) -> State | None:
    pitch, written = split(state.part)
    if written not in lengths(rules, state) or state.hold.tie not in ("", pitch):
        return None
    return sounded(rules, state, written, pitch, notes=True)


def rest(rules: Rules, state: State, character: str) -> State | None:
    if lengths(rules, state).begin(state.part[1:] + character):
        return state.at("rest", state.part + character)
    return None


def end_rest(rules: Rules, state: State) -> State | None:
    written = state.part[1:]
    if written not in lengths(rules, state):
        return None
    return sounded(rules, state, written, "", notes=False)


def split(part: str) -> tuple[str, str]:
    """Pitch and length."""
    pitch = part.rstrip("0123456789/")
    return pitch, part[len(pitch) :]


def begin_chord(rules: Rules, state: State, character: str) -> State | None:
    """After `[`. part: number of notes, their length, `|`, and the note that is being written."""
    if state.hold.tie or SINGLE in state.hold.ornament:
        return None
    return state.begun("chord", f"1|{character}") if lengths(rules, state) else None


def chord(rules: Rules, state: State, character: str) -> State | None:
    """All notes have one length, inside or after the brackets: players take the first one's, or
    complain."""
    done, _, now = state.part.partition("|")
    count, common = int(done[0]), done[1:]
    if now in ACCIDENTALS:
        if character in LETTERS or now + character in ACCIDENTALS:
            now = now + character if character not in LETTERS else character
            return state.at("chord", f"{done}|{now}")
        return None
    pitch, written = split(now)
    if not written and octave(pitch, character):
        return state.at("chord", f"{done}|{now}{character}")
    allowed = lengths(rules, state) if count == 1 else _only(common)
    if allowed.begin(written + character):
        return state.at("chord", f"{done}|{now}{character}")
    if written not in allowed and (written or count > 1):
        return None
    if character in LETTERS or character in "^_=":
        return state.at("chord", f"{count + 1}{written}|{character}") if count < MAX_CHORD else None
    if character != "]":
        return None
    if written:
        return sounded(rules, state.at("idle"), written, "", notes=True)
    return state.at("chord length")


@cache
def _only(length: str) -> Words:
    return Words([length])


def chord_length(rules: Rules, state: State, character: str) -> State | None:
    if lengths(rules, state).begin(state.part + character):
        return state.at("chord length", state.part + character)
    return None


def end_chord(rules: Rules, state: State) -> State | None:
    if state.part not in lengths(rules, state):
        return None
    return sounded(rules, state, state.part, "", notes=True)


def begin_tuplet(rules: Rules, state: State, character: str) -> State | None:
    """After `(`."""
    time = TUPLETS.get(character, 0)
    hold = state.hold
    if not time or hold.tuplet or hold.broken or not rules.fitting(state.form.room // time):
        return None
    new = hold._replace(tuplet=int(character), tuplet_time=time, last=0, pitch="")
    return state.at("idle")._replace(hold=new)


def grace(rules: Rules, state: State, character: str) -> State | None:
    """After `{`. part: number of notes and the last note so far, if there is one."""
    count, now = _graces(state)
    if now in ACCIDENTALS:
        good = character in LETTERS or now + character in ACCIDENTALS
        now = character if character in LETTERS else now + character
        return state.at("grace", f"{count}{now}") if good else None
    if character in LETTERS or character in "^_=":
        return state.at("grace", f"{count + 1}{character}") if count < MAX_GRACE else None
    if character == "/" and not state.part:
        return state.at("grace", "0/")
    if count == 0:
        return None
    if character == "}":
        return state.at("idle")._replace(hold=state.hold._replace(grace=True, last=0, pitch=""))
    if (character in "2/" and now[-1] not in "2/") or octave(now, character):
        return state.at("grace", state.part + character)
    return None


def _graces(state: State) -> tuple[int, str]:
    return int(state.part[:1] or 0), state.part[1:]


def grace_is_open(state: State) -> bool:
    """Whether a note must come before the `}`."""
    count, now = _graces(state)
    return count == 0 or now in ACCIDENTALS


def symbols(rules: Rules, state: State) -> Words:
    """Chord symbols that may come here.

    Players turn them into an accompaniment in eighths, in the usual meters, and fail where the tune
    ends within an eighth.
    """
    form = state.form
    eighth = form.unit * GRAIN // 8
    even = form.split % eighth == 0 == form.bar % eighth and form.bar // eighth in USUAL
    good = rules.bars and even and not form.upbeat
    return rules.chord_symbols if good else rules.none


def string(rules: Rules, state: State, character: str) -> State | None:
    """After `"`. part: `^` and the number of characters of an annotation, or a chord symbol."""
    part = state.part
    if character == '"':
        whole = part[:1] == "^" or part in rules.chord_symbols
        return state.at("idle") if whole else None
    if not part and character in "^_>@":
        return state.at("string", "^0")
    if part[:1] == "^":
        longer = int(part[1:]) + 1
        good = may_write(character) and character != ";" and longer <= MAX_STRING
        return state.at("string", f"^{longer}") if good else None
    if symbols(rules, state).begin(part + character):
        return state.at("string", part + character)
    return None


def decorations(rules: Rules, state: State) -> Words:
    """Names that may come between two `!`."""
    return rules.hornpipe_decorations if "h" in state.seen else rules.decorations


def decoration(rules: Rules, state: State, character: str) -> State | None:
    """After `!`."""
    longer, words = state.part + character, decorations(rules, state)
    if longer in words:
        return decorated(state, CUT) if longer in rules.cutting else state.at("idle")
    return state.at("decoration", longer) if words.begin(longer) else None


def sign(rules: Rules, state: State, character: str) -> State | None:
    """A decoration of one character."""
    hold, kind = state.hold, KINDS[character]
    if character == "H" and rules.bars:
        return None  # players hold the note, and the bar gets too long
    clashes = (hold.grace and kind == SINGLE) or (
        kind == CUT and (hold.broken or "h" in state.seen)
    )
    if hold.tie or clashes or not lengths(rules, state):
        return None
    return decorated(state, kind)


def decorated(state: State, kind: str) -> State:
    """The state in which a note or chord must follow at once."""
    kinds = "".join(sorted({*state.hold.ornament, kind}))
    return state.at("idle")._replace(hold=state.hold._replace(ornament=kinds, last=0, pitch=""))
