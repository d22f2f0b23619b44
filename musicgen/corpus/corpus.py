"""A corpus: texts to train, validate and test on, prepared once and read from then on."""

import json
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from musicgen.config.keys import PACKAGED, DataConfig
from musicgen.corpus import prepared
from musicgen.corpus.collection import Collection, collect, ended_tunes
from musicgen.corpus.readers import kind_of, readers
from musicgen.corpus.request import LICENCES, check_blank_lines, check_fractions, check_places
from musicgen.corpus.setting import END, START, Setting
from musicgen.corpus.source import Source, file_sources, folk_sources
from musicgen.corpus.split import by_tunes, contiguous
from musicgen.corpus.vocabulary import Vocabulary
from musicgen.errors import InputError, Remedy
from musicgen.music.kinds import Kinds

log = logging.getLogger(__name__)

VERSION = 2
"""Increased when the same files and settings give other texts."""

REPORT_SHA256 = "3db95647c11040a26b91c1f2501416adcb987af6bb8faaa064203564e014a1e5"


@dataclass(frozen=True)
class Corpus:
    """The texts of a corpus. Each tune is `<start>`, its lines and `<end>`, on lines of their own;
    a contiguous split cuts a text within a tune."""

    name: str
    digest: str
    """The digest of the source files' bytes, of their split, and of the rules of preparation."""
    split: str
    train: str
    validation: str
    test: str | None
    manifest: Mapping[str, Any]
    """What was read, what was left out and why, and the figures of each text."""
    folder: Path
    """The folder with the prepared texts."""

    def vocabulary(self) -> Vocabulary:
        """The characters of all its texts: a rare one may occur in the test text only."""
        return Vocabulary.of(self.train, self.validation, self.test or "")

    @cached_property
    def kinds(self) -> Kinds:
        """The kinds of tokens in its training tunes; counted now if no manifest has them."""
        try:
            return Kinds.from_json(self.manifest["kinds"])
        except (KeyError, ValueError, TypeError, AttributeError):
            return _kinds(self.train)


def load(
    name: str = PACKAGED,
    *,
    path: str | Path | None = None,
    validation_path: str | Path | None = None,
    test_path: str | Path | None = None,
    split: str = "tunes",
    val_fraction: float = 0.1,
    test_fraction: float = 0.1,
    seed: int = 0,
    blank_lines: str = "end",
    root: Path = Path("data"),
) -> Corpus:
    """The corpus, from `root/<name>/<digest>/` if it was prepared before, else prepared now.

    name: folk (what music21 carries), cse253 (the report's text, at `path`) or files (a file,
    a folder or a glob at `path`: ABC, a text of `<start>` ... `<end>`, or The Session's dump).
    split: tunes (shares of the tunes, drawn by `seed`, variants on one side), contiguous (the last
    `val_fraction` of the characters validates; no test), or files (`validation_path`, and
    `test_path` if there is a test).
    val_fraction: above 0; test_fraction: from 0, which means no test; together below 1.
    blank_lines: end (a blank line ends its tune) or allow (read on to the next `X:`).

    Raises InputError for a bad argument, for files that are missing or hold no tunes, for too
    few tunes, and for a root that cannot be written.
    """
    places = check_places(name, split, path, validation_path, test_path)
    check_fractions(split, val_fraction, test_fraction)
    endings = [name for name, reader in readers().items() if reader.in_folders]
    sources = {key: file_sources(place, key, endings) for key, place in places.items()}
    sources = sources or {"data": folk_sources()}
    settings: dict[str, Any] = {
        "tunes": {"val_fraction": val_fraction, "test_fraction": test_fraction, "seed": seed},
        "contiguous": {"val_fraction": val_fraction},
        "files": {},
    }[split]
    check_blank_lines(blank_lines)
    over_blank_lines = blank_lines == "allow"
    stored = settings | ({"blank_lines": blank_lines} if over_blank_lines else {})
    digest = _digest(name, split, stored, sources)
    folder = root / name / digest

    found = prepared.read(folder)
    if found is None:
        if name == "cse253" and sources["data.path"][0].sha256 != REPORT_SHA256:
            log.warning("%s is not the report's corpus: its figures cannot be compared", path)
        collections = {
            key: collect(listed, key, over_blank_lines=over_blank_lines)
            for key, listed in sources.items()
        }
        texts, figures = _split(collections, split, **settings)
        manifest = {"name": name, "digest": digest, "split": split, "settings": stored}
        manifest |= {"licence": LICENCES[name], **figures, **_account(split, collections, texts)}
        manifest["kinds"] = _kinds(texts["train"]).to_json()
        prepared.write(folder, texts, manifest)
        found = texts, manifest
        log.info("prepared %s: %d tunes in %s", name, manifest["tunes"], folder)
    return _corpus(folder, *found)


def prepared_at(root: Path, name: str, digest: str) -> Corpus | None:
    """The corpus as `load` left it below `root`, without a look at its sources; None if it is not
    there or damaged."""
    folder = root / name / digest
    found = prepared.read(folder)
    return None if found is None else _corpus(folder, *found)


def _corpus(folder: Path, texts: Mapping[str, str], manifest: Mapping[str, Any]) -> Corpus:
    return Corpus(
        name=manifest["name"],
        digest=manifest["digest"],
        split=manifest["split"],
        train=texts["train"],
        validation=texts["validation"],
        test=texts.get("test"),
        manifest=manifest,
        folder=folder,
    )


def of(data: DataConfig) -> Corpus:
    """The configured corpus; see `load`."""
    return load(**arguments(data))


def arguments(data: DataConfig) -> dict[str, Any]:
    """The settings that determine the corpus, as arguments of `load`."""
    return {
        "name": data.name,
        "path": data.path,
        "validation_path": data.validation_path,
        "test_path": data.test_path,
        "split": data.split,
        "val_fraction": data.val_fraction,
        "test_fraction": data.test_fraction,
        "seed": data.split_seed,
        "blank_lines": data.blank_lines,
        "root": Path(data.root),
    }


def _digest(
    name: str, split: str, settings: Mapping[str, Any], sources: Mapping[str, list[Source]]
) -> str:
    files = {key: [(_kind(s), s.sha256) for s in listed] for key, listed in sources.items()}
    text = json.dumps([VERSION, name, split, settings, files], sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


def _kind(source: Source) -> str:
    """The reader of a source, as digests have it. Its first version is its ending alone, as in the
    digests of corpora that were prepared before readers had versions."""
    name = kind_of(source.label)
    version = readers()[name].version
    return f".{name}" if version == 1 else f".{name} {version}"


def _split(
    collections: Mapping[str, Collection],
    split: str,
    val_fraction: float = 0,
    test_fraction: float = 0,
    seed: int = 0,
) -> tuple[dict[str, str], dict[str, Any]]:
    """The texts by split, and the manifest's entries about the split."""
    if split == "files":
        names = {"data.path": "train", "data.validation_path": "validation"}
        names["data.test_path"] = "test"
        texts = {names[key]: collection.text for key, collection in collections.items()}
        return texts, {"also_in_training": _also_in_training(collections)}
    ((key, collection),) = collections.items()
    if split == "contiguous":
        if (cut := contiguous(collection.text, val_fraction)) is None:
            raise InputError(
                f"{key} must hold enough text for data.val_fraction={val_fraction}, "
                f"got {len(collection.text):,} characters; add tunes or change data.val_fraction"
            )
        return {"train": cut[0], "validation": cut[1]}, {}
    parts = by_tunes(collection.settings, val_fraction, test_fraction, seed)
    if parts is None:
        raise InputError(
            f"{key} must hold tunes enough to train, validate and test on different ones, "
            f"got {len(collection.settings):,} (variants of one tune count once); "
            "add tunes",
            Remedy.CONTIGUOUS_SPLIT,
        )
    texts = {"train": _text(parts.train), "validation": _text(parts.validation)}
    if parts.test:
        texts["test"] = _text(parts.test)
    kept = {"families": parts.families, "tunes": parts.kept_together}
    return texts, {"kept_together": {**kept, "largest_family": parts.largest_family}}


def _text(settings: list[Setting]) -> str:
    return "".join(setting.marked for setting in settings)


def _also_in_training(collections: Mapping[str, Collection]) -> dict[str, int]:
    """How many tunes of the other files stand in the training file too, by configuration key."""
    trained = {setting.text for setting in collections["data.path"].settings}
    doubled = {
        key: sum(setting.text in trained for setting in collection.settings)
        for key, collection in collections.items()
        if key != "data.path"
    }
    for key, count in doubled.items():
        if count:
            log.warning("%d tunes of %s are in data.path too: their loss flatters", count, key)
    return doubled


def _account(
    split: str, collections: Mapping[str, Collection], texts: Mapping[str, str]
) -> dict[str, Any]:
    """The manifest's figures: what came in, what was left out (logged too), what came out."""
    left_out: Counter[str] = Counter()
    unreadable: dict[str, str] = {}
    words: list[str] = []
    for collection in collections.values():
        words += collection.words
        for label, lines in collection.cut.items():
            log.warning("%s: %s (data.blank_lines=end)", label, ended_tunes(lines))
        if split == "tunes" or not collection.verbatim:
            left_out += collection.left_out
        unreadable |= collection.unreadable
    for label, why in unreadable.items():
        log.warning("left out %s: %s", label, why)
    for why, count in left_out.items():
        if why.startswith("tunes without"):
            log.warning("left out %d %s", count, why)
    every = "".join(texts.values())
    return {
        **_figures(every),
        "splits": {
            name: {**_figures(text), "sha256": sha256(text.encode()).hexdigest()}
            for name, text in texts.items()
        },
        "left_out": dict(sorted(left_out.items())),
        "unreadable": unreadable,
        "taken_for_text": {"lines": len(words), "first": words[0] if words else ""},
        "sources": [entry for collection in collections.values() for entry in collection.files],
    }


def _kinds(train: str) -> Kinds:
    """The kinds of tokens in the tunes of a training text, whose last tune may be cut."""
    tunes = (text.partition(END)[0] for text in train.split(START))
    return Kinds.of(tune.strip("\n") for tune in tunes)


def _figures(text: str) -> dict[str, int]:
    return {
        "tunes": text.count(START),
        "characters": len(text),
        "distinct_characters": len(set(text)),
    }
