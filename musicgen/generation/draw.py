"""Draws tunes from a network."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from musicgen.corpus import END, START, Vocabulary
from musicgen.errors import InputError, Remedy
from musicgen.generation.headed import Headed
from musicgen.generation.header import LETTERS, Cursor, asked_for
from musicgen.generation.prime import check_prime
from musicgen.models.char_rnn import CharRNN
from musicgen.models.sampler import Constraint, Cut, sample
from musicgen.music.constraint import BatchConstraint, PrimeError
from musicgen.music.constraint.batch import SLACK
from musicgen.music.kinds import Kinds
from musicgen.system.paths import in_name

MIN_ROOM = 64
"""Characters that a constrained tune may have besides its given header."""


@dataclass(frozen=True)
class Options:
    """What to draw. A tune depends on all fields but `n`, `first` and the other temperatures."""

    temperatures: Sequence[float]
    """0 takes the likeliest character."""
    n: int = 6
    """Tunes at each temperature."""
    first: int = 1
    """Number of the first of them."""
    seed: int = 1
    max_chars: int = 1000
    """Characters behind the prime."""
    cut: Cut = field(default_factory=Cut)
    prime: str = ""
    """Text that every tune begins with."""
    header: Mapping[str, str | None] = field(default_factory=dict)
    """Given values, by the names in `header.LETTERS`."""
    constrain: str = "bars"
    """off; syntax: the text can be played; bars: its bars fill their meter, too."""


@dataclass(frozen=True)
class Drawn:
    """A tune that a network wrote."""

    temperature: float
    number: int
    """Number among the tunes of its temperature, from 1."""
    text: str
    """ABC with its prime, without `<start>` and `<end>`. Readers of ABC need an `X:` line: one is
    put in front if the network wrote none."""
    complete: bool
    """Whether the tune reached its `<end>`."""

    @property
    def name(self) -> str:
        return f"T{in_name(self.temperature)}-{self.number}"


def draw(
    model: CharRNN, vocabulary: Vocabulary, options: Options, kinds: Kinds | None = None
) -> list[Drawn]:
    """Draw `n` tunes at each temperature, in that order.

    kinds: kinds of tokens of the network's training text; a constraint allows no others. None: all.

    Raises InputError if the network cannot write what is asked for.
    """
    try:
        vocabulary.encode(START + "\n" + END)
    except InputError as error:
        raise InputError(f"run must be of tunes between {START} and {END}: its {error}") from None
    try:
        vocabulary.encode(options.prime)
    except InputError as error:
        raise InputError(f"prime{str(error).removeprefix('text')}") from None
    if END in options.prime:
        raise InputError(f"prime must not end the tune, got one with {END}; leave that out")
    numbers = list(range(options.first, options.first + options.n))
    keys = [(temperature, number) for temperature in options.temperatures for number in numbers]
    if any(count > 1 for count in Counter(options.temperatures).values()):
        raise InputError(
            f"temperature must not have a value twice, got "
            f"{', '.join(map(str, options.temperatures))}; "
            "raise n for more tunes"
        )
    check_prime(options.prime, constrained=options.constrain != "off")
    prime = f"{START}\n{options.prime}"
    drawn = sample(
        model,
        vocabulary.encode(prime).tolist(),
        [temperature for temperature, _ in keys],
        numbers=[number - 1 for _, number in keys],
        seed=options.seed,
        max_chars=options.max_chars,
        end=vocabulary.encode(END).tolist(),
        cut=options.cut,
        constraint=_constraint(vocabulary, options, len(keys), kinds),
    )
    texts = (vocabulary.written(tune) for tune in drawn)
    return [_finished(*key, options.prime + text) for key, text in zip(keys, texts, strict=True)]


def _finished(temperature: float, number: int, text: str) -> Drawn:
    complete = text.endswith(END)
    text = text.removesuffix(END).rstrip("\n") + "\n"
    front = "" if text.startswith("X:") else f"X:{number}\n"
    return Drawn(temperature, number, front + text, complete)


def _constraint(
    vocabulary: Vocabulary, options: Options, tunes: int, kinds: Kinds | None
) -> Constraint | None:
    given = asked_for(options.header, vocabulary)
    cursors = [Cursor(given) for _ in range(tunes)]
    for cursor in cursors:
        cursor.read(options.prime)
    inner = None
    if options.constrain != "off":
        # The completion that the constraint keeps possible ignores the given lines; it does not
        # even
        # see some of them.
        reserve = 2 * sum(len(f"K:{value}\n") for value in given.values()) + 2 * SLACK
        _check_given(vocabulary, given, options)
        room = options.max_chars - (reserve if given else 0)
        if given and room < MIN_ROOM:
            raise InputError(
                f"max_chars must be at least {reserve + MIN_ROOM} for such a header, got "
                f"{options.max_chars}; raise it",
                Remedy.NO_CONSTRAINT,
            )
        inner = BatchConstraint(
            vocabulary.characters,
            tunes,
            bars=options.constrain == "bars",
            max_chars=room,
            prime=f"{START}\n{options.prime}",
            kinds=kinds,
        )
    return Headed(vocabulary.characters, cursors, inner) if given else inner


def _check_given(vocabulary: Vocabulary, given: Mapping[str, str], options: Options) -> None:
    """Raise InputError for a meter, unit or key that the constraint does not write."""
    for name, letter in LETTERS.items():
        if letter not in given or letter in "TR":
            continue
        meter = "M:4/4\n" if letter == "K" else ""
        try:
            BatchConstraint(
                vocabulary.characters,
                0,
                bars=options.constrain == "bars",
                max_chars=options.max_chars + SLACK,
                prime=f"{START}\n{meter}{letter}:{given[letter]}\n",
            )
        except PrimeError:
            raise InputError(
                f"header.{name} must be one that constrain={options.constrain} knows, got "
                f"{given[letter]}; change it",
                Remedy.NO_CONSTRAINT,
            ) from None
