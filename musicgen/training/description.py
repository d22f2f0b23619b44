"""model.json, which turns weights back into a network; read and written without PyTorch."""

import json
from dataclasses import dataclass
from pathlib import Path

from musicgen.config import record
from musicgen.config.keys import Config
from musicgen.corpus import Vocabulary
from musicgen.errors import InputError
from musicgen.music.kinds import Kinds
from musicgen.system.files import write_text


def describe(path: Path, config: Config, vocabulary: Vocabulary, corpus: str, kinds: Kinds) -> None:
    """Write model.json, which turns weights back into a network. corpus: its digest."""
    content = {"config": record.stored(config), "vocabulary": vocabulary.characters}
    content |= {"corpus": corpus, "kinds": kinds.to_json()}
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


@dataclass(frozen=True)
class Description:
    """model.json: what turns weights back into a network."""

    config: Config
    vocabulary: Vocabulary
    corpus: str
    """Digest of the corpus that it was trained on."""
    kinds: Kinds | None
    """Kinds of tokens of its training tunes; None in older runs, which did not count them."""


def described(path: Path, way_out: str) -> Description:
    """What `describe` wrote. Raises FileNotFoundError, or InputError if it is damaged."""
    return parsed(path.read_bytes(), str(path), way_out)


def parsed(text: bytes, name: str, way_out: str) -> Description:
    """What `describe` wrote. name: of the file, for errors. Raises InputError."""
    try:
        content = json.loads(text)
        return Description(
            record.from_dict(content["config"]),
            Vocabulary(content["vocabulary"]),
            str(content["corpus"]),
            Kinds.from_json(content["kinds"]) if "kinds" in content else None,
        )
    except record.MissingPluginError:
        raise
    except (InputError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{name} is damaged ({error}); {way_out}") from None
