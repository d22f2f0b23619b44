"""The network that a training begins with, `init=`. Reading one needs no PyTorch.

A run's configuration names it with a digest of its weights and characters, `<run>@<digest>`, and
the run's folder keeps a copy of it. So a run that is resumed needs the other run no longer.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from musicgen.errors import InputError
from musicgen.system.files import replacing
from musicgen.training.description import Description, parsed
from musicgen.training.folder import RunFolder

_PINNED = re.compile(r"(.+)@([0-9a-f]{16})")


def unpinned(text: str) -> tuple[str, str | None]:
    """The run and the digest in a value of `init`; None if it has no digest."""
    found = _PINNED.fullmatch(text)
    return (found[1], found[2]) if found else (text, None)


@dataclass(frozen=True)
class Initial:
    """A network in a run's folder or in one of its checkpoints."""

    name: str
    """The run, as it was named."""
    weights: bytes
    """The content of the checkpoint."""
    model: bytes
    """The content of the model.json beside it."""

    @classmethod
    def read(cls, weights: Path, name: str) -> "Initial":
        """The network of a checkpoint file. Raises InputError if it is missing or damaged."""
        model = weights.with_name(RunFolder(weights).model.name)
        try:
            found = cls(name, weights.read_bytes(), model.read_bytes())
        except OSError as error:
            raise InputError(
                f"init must be the folder of a run that has a checkpoint, got {name} "
                f"({error.strerror}: {error.filename}); name another run"
            ) from None
        assert found.description  # it raises if it is damaged
        return found

    @classmethod
    def kept(cls, run: RunFolder, pinned: str) -> "Initial":
        """The copy in a run's folder. Raises InputError if there is none, or another one."""
        name, digest = unpinned(pinned)
        found = cls.read(RunFolder(run.init).best, name)
        if found.digest != digest:
            raise InputError(
                f"{run.init} holds another network than init={pinned}, with which the run began; "
                "start a new run"
            )
        return found

    def keep(self, run: RunFolder) -> None:
        """Copy it into a run's folder."""
        to = RunFolder(run.init)
        to.checkpoints.mkdir(parents=True, exist_ok=True)
        for path, content in ((to.model, self.model), (to.best, self.weights)):
            with replacing(path) as file:
                file.write(content)

    @cached_property
    def description(self) -> Description:
        return parsed(self.model, f"model.json of init={self.name}", "name another run")

    @property
    def pinned(self) -> str:
        """Its name and digest, as a run's configuration has them."""
        return f"{self.name}@{self.digest}"

    @cached_property
    def digest(self) -> str:
        """16 hex digits of the weights and of the characters that they are for."""
        characters = self.description.vocabulary.characters.encode("utf-8", "surrogatepass")
        return hashlib.sha256(self.weights + characters).hexdigest()[:16]
