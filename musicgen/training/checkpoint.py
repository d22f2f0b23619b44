"""Checkpoints: tensors in safetensors, everything else in JSON. Loading one runs no code from it.

A run folder's checkpoints/ holds
- model.json: configuration, vocabulary and kinds of tokens, written once before training,
- best.safetensors: the weights of the epoch with the lowest validation loss,
- last.safetensors: all that a resumed run needs (weights, optimizer, schedule, loops, progress),
  with its JSON inside the same file, so that one rename replaces both.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from musicgen.config.components import Cell
from musicgen.config.keys import Config
from musicgen.corpus import START, Vocabulary
from musicgen.errors import InputError
from musicgen.memory import Match, Melody, PlaceInput
from musicgen.models.char_rnn import CharRNN
from musicgen.models.side import SideInput
from musicgen.music.kinds import Kinds
from musicgen.system.files import replacing
from musicgen.training.description import Description, described
from musicgen.training.folder import RunFolder


def save(path: Path, content: Any) -> None:
    """Write a tree of dicts, lists, tuples, tensors and plain values to one file, at once."""
    tensors: dict[str, Tensor] = {}
    tree = json.dumps(_pack(content, tensors))
    with replacing(path) as file:
        file.write(safetensors.torch.save(tensors, metadata={"tree": tree}))


def load(path: Path, device: str | torch.device = "cpu") -> Any:
    """Read what `save` wrote (tuples as lists). Raises InputError if missing or damaged."""
    if not path.is_file():
        raise InputError(f"{path} does not exist; name the folder of a run that has a checkpoint")
    try:
        with safetensors.safe_open(path, framework="pt", device=str(device)) as file:
            tree = json.loads((file.metadata() or {})["tree"])
            return _unpack(tree, file.get_tensor)
    except DAMAGE as error:
        raise _damaged(str(path), error) from None


def loads(content: bytes, name: str) -> Any:
    """`load` of a file's content. name: of the file, for errors."""
    try:
        tensors = safetensors.torch.load(content)
        size = int.from_bytes(content[:8], "little")  # safetensors has no reader of metadata alone
        tree = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["tree"])
        return _unpack(tree, tensors.__getitem__)
    except DAMAGE as error:
        raise _damaged(name, error) from None


DAMAGE = (safetensors.SafetensorError, ValueError, KeyError, TypeError)


def _damaged(name: str, error: Exception) -> InputError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError(f"{name} is damaged ({reason}); train again or use another run")


def _pack(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = str(len(tensors))
        # A copy: tied weights share memory, which safetensors refuses.
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        # Pairs, because an optimizer's state has integer keys, which JSON would turn into text.
        return {"dict": [[k, _pack(v, tensors)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_pack(v, tensors) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a checkpoint holds plain values and tensors only, got {type(value).__name__}")


def _unpack(value: Any, tensor: Callable[[str], Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpack(v, tensor) for v in value]
    if isinstance(value, dict):
        if "tensor" in value:
            return tensor(value["tensor"])
        return {k: _unpack(v, tensor) for k, v in value["dict"]}
    return value


@dataclass(frozen=True)
class TrainedModel:
    """A network read back from a run folder."""

    model: CharRNN
    vocabulary: Vocabulary
    config: Config
    corpus: str
    """Digest of the corpus that it was trained on."""
    weights: Path
    """The file that was read."""
    kinds: Kinds | None = None
    """Kinds of tokens of its training tunes; None in older runs, which did not count them."""


def build(model: Cell, vocabulary: Vocabulary) -> CharRNN:
    """The configured network, with fresh weights."""
    return CharRNN(
        len(vocabulary),
        model.hidden,
        cell=model,
        layers=model.layers,
        dropout=model.dropout,
        embedding=model.embedding,
        layer_norm=model.layer_norm,
        tie_weights=model.tie_weights,
        side=_side(model, vocabulary),
    )


def _side(model: Cell, vocabulary: Vocabulary) -> list[SideInput]:
    side: list[SideInput] = []
    marked = all(character in vocabulary for character in START)
    start = tuple(vocabulary.encode(START).tolist()) if marked else ()
    if model.match:
        side.append(Match(len(vocabulary), model.match, start))
    if model.melody:
        side.append(Melody(vocabulary.characters, model.melody, start))
    if model.place:
        side.append(PlaceInput(vocabulary.characters))
    return side


def load_model(path: Path, device: str | torch.device = "cpu") -> TrainedModel:
    """The best network of a run folder, or the network of one of its checkpoint files.

    Raises InputError if something is missing or damaged.
    """
    weights = path if path.is_file() else RunFolder(path).best
    try:
        found = described(weights.with_name(RunFolder(path).model.name), "use another run")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path} has no checkpoint; name the folder of a finished run") from None
    model = network(found, load(weights), str(weights))
    return TrainedModel(
        model.to(device).eval(),
        found.vocabulary,
        found.config,
        found.corpus,
        weights,
        found.kinds,
    )


def network(described: Description, content: Any, name: str) -> CharRNN:
    """The network of a checkpoint's content. name: of its file, for errors. Raises InputError."""
    model = build(described.config.model, described.vocabulary)
    try:
        model.load_state_dict(_weights(content))
    except (AttributeError, RuntimeError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{name} does not fit its model.json ({reason}); use another run"
        ) from None
    return model


def _weights(content: Any) -> dict[str, Tensor]:
    """The weights in best.safetensors, or in last.safetensors, where Lightning prefixes their
    names."""
    if "weights" in content:
        return dict(content["weights"])
    named = content["state_dict"].items()
    return {name.removeprefix("network."): weight for name, weight in named}
