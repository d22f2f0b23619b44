"""Which tunes train, which validate, and which test."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from musicgen.corpus.setting import Setting
from musicgen.corpus.variants import families


@dataclass(frozen=True)
class Split:
    """Settings by their use, and how many of them were kept together as variants."""

    train: list[Setting]
    validation: list[Setting]
    test: list[Setting]
    families: int
    """Families of two settings or more."""
    kept_together: int
    """Settings in these families."""
    largest_family: int


def by_tunes(
    settings: Sequence[Setting], val_fraction: float, test_fraction: float, seed: int
) -> Split | None:
    """Shares of the settings, variants of one tune on one side; None if there are too few.

    The split and the order depend on the seed and on the texts alone: neither on the order of the
    settings nor on a random generator that a later version may change. Every part whose fraction is
    above zero gets a family at least. Beyond that, validation and test get no more than their
    shares, so a family larger than a share trains.
    """
    kin = [[settings[place] for place in family] for family in families(settings)]
    kin.sort(key=lambda family: _lot(seed, *sorted(setting.text for setting in family)))
    shares = {"validation": val_fraction, "test": test_fraction}
    parts: dict[str, list[list[Setting]]] = {"train": [], "validation": [], "test": []}
    room = {name: max(1, round(share * len(settings))) for name, share in shares.items() if share}
    for family in kin:
        part = next((name for name in room if len(family) <= room[name]), "train")
        parts[part].append(family)
        if part in room:
            room[part] -= len(family)
    for name in ("train", *room):
        if not parts[name]:
            donor = max(parts.values(), key=len)
            if len(donor) < 2:
                return None
            parts[name].append(donor.pop(donor.index(min(donor, key=len))))
    together = [len(family) for family in kin if len(family) > 1]
    return Split(
        train=_shuffled(seed, parts["train"]),
        validation=_shuffled(seed, parts["validation"]),
        test=_shuffled(seed, parts["test"]),
        families=len(together),
        kept_together=sum(together),
        largest_family=max(together, default=0),
    )


def contiguous(text: str, val_fraction: float) -> tuple[str, str] | None:
    """The text without its last characters, and these; None if there are too few.

    As in the report, the cut may fall within a tune.
    """
    last = round(val_fraction * len(text))
    return (text[:-last], text[-last:]) if 0 < last < len(text) else None


def _shuffled(seed: int, part: list[list[Setting]]) -> list[Setting]:
    together = [setting for family in part for setting in family]
    return sorted(together, key=lambda setting: _lot(seed, setting.text))


def _lot(seed: int, *texts: str) -> bytes:
    drawn = blake2b(f"{seed}".encode(), digest_size=16)
    for text in texts:
        drawn.update(b"\0" + text.encode("utf-8", "surrogatepass"))
    return drawn.digest()
