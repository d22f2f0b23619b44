"""Side inputs: facts about each character, computed from the text so far."""

from collections.abc import Sequence
from copy import copy
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Ids = NDArray[np.integer[Any]]


class Follower(Protocol):
    """Follows one text that grows."""

    def push(self, character: int) -> Sequence[int]:
        """Append the next character; returns its row."""

    def __copy__(self) -> "Follower":
        """A follower of another text, which has been the same so far."""


class SideInput(Protocol):
    """Gives each character a row of whole numbers, computed from the text up to there."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each column has, from 0 on."""

    @property
    def suggesting(self) -> tuple[int, ...]:
        """Columns that suggest the next character: its number plus one, or 0."""

    def encode(self, text: Ids) -> NDArray[np.int64]:
        """The row of each character of a text: (characters, columns)."""

    def follow(self) -> Follower:
        """A follower that gives the same rows, character by character."""

    def __hash__(self) -> int:
        """Equal side inputs give equal rows."""


class Side(nn.Module):
    """All side inputs of a network, embedded and summed."""

    def __init__(self, inputs: Sequence[SideInput], width: int) -> None:
        """width: of the sum, which is an input of the first layer beside the character."""
        super().__init__()
        self.inputs = tuple(inputs)
        sizes = [size for one in inputs for size in one.sizes]
        before = np.cumsum([0, *(len(one.sizes) for one in inputs)]).tolist()
        suggesting = [
            first + column
            for first, one in zip(before, inputs, strict=False)
            for column in one.suggesting
        ]
        self.first_rows = np.cumsum([0, *sizes[:-1]])
        columns = torch.tensor(suggesting, dtype=torch.int64)
        self.register_buffer("suggesting", columns, persistent=False)
        self.register_buffer(
            "_no_suggestion", torch.from_numpy(self.first_rows)[columns], persistent=False
        )
        self.suggesting: Tensor
        """Columns that suggest the next character."""
        self._no_suggestion: Tensor
        self.table = nn.EmbeddingBag(sum(sizes), width, mode="sum")
        nn.init.normal_(self.table.weight, std=max(len(sizes), 1) ** -0.5)  # the sum has variance 1

    def forward(self, rows: Tensor) -> Tensor:
        """rows: (..., columns) int64, as `rows` gives them. Returns (..., width)."""
        flat = rows.flatten(0, -2)
        if flat.device.type == "cpu":
            summed: Tensor = _RowSums.apply(self.table.weight, flat)  # type: ignore[no-untyped-call]
        else:
            summed = self.table(flat)
        return summed.view(*rows.shape[:-1], -1)

    def suggested(self, rows: Tensor) -> Tensor:
        """The suggestions in rows (..., columns): (..., suggesting); 0 for none."""
        suggested = rows.index_select(-1, self.suggesting) - self._no_suggestion
        return suggested.clamp(min=0)  # below where texts are filled up

    def rows(self, text: Ids) -> NDArray[np.int64]:
        """Rows of the table for each character of a text: (characters, columns)."""
        characters = np.asarray(text, np.int32).tobytes()
        rows = np.hstack([_encoded(one, characters) for one in self.inputs]).astype(np.int64)
        rows += self.first_rows
        return rows

    def follow(self) -> "Followers":
        """A text's followers, which give the same rows, character by character."""
        return Followers([one.follow() for one in self.inputs], self.first_rows)


@lru_cache(maxsize=8)
def _encoded(one: SideInput, characters: bytes) -> NDArray[np.int32]:
    """Cached for the next trial of a sweep, which reads the same texts; it takes some seconds for a
    million characters."""
    return one.encode(np.frombuffer(characters, np.int32)).astype(np.int32)


class _RowSums(torch.autograd.Function):
    """nn.EmbeddingBag(mode="sum") with a faster gradient on a CPU.

    PyTorch's takes 2.4 ms for 3,200 bags of ten rows of 64, a sixth of the training step of a
    150-unit LSTM. The gradient of a row is the sum of those of the bags that it is in: with the
    bags in the order of their rows that is a sum of embeddings again, and takes 0.15 ms.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        ctx.size = len(table)
        return row_sums(table, rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (rows,) = ctx.saved_tensors
        flat = rows.flatten().numpy()
        small = ctx.size <= np.iinfo(np.int16).max  # numpy sorts these by radix
        order = np.argsort(flat.astype(np.int16) if small else flat, kind="stable")
        counts = np.bincount(flat, minlength=ctx.size)
        starts = np.append(0, counts.cumsum()[:-1])
        bags = torch.from_numpy(order // rows.shape[1])
        return _sums(gradient.contiguous(), bags, torch.from_numpy(starts)), None


def row_sums(table: Tensor, rows: Tensor) -> Tensor:
    """The sum of the table's rows (size, width) that each row of `rows` (n, columns) numbers."""
    return _sums(table, rows.flatten(), _starts(len(rows), rows.shape[1]))


@lru_cache(maxsize=16)
def _starts(rows: int, columns: int) -> Tensor:
    return torch.arange(0, rows * columns, columns)


def _sums(table: Tensor, rows: Tensor, starts: Tensor) -> Tensor:
    """Sums of rows of a table: one sum from each start to the next."""
    sums: Tensor = torch.embedding_bag(table, rows, starts)[0]
    return sums


class Followers:
    """The side inputs of many texts that grow in parallel; at first there is one text."""

    def __init__(self, followers: Sequence[Follower], first_rows: Ids) -> None:
        self._followers = [[one] for one in followers]
        self._first_rows = first_rows

    def push(self, characters: Ids) -> NDArray[np.int64]:
        """Append each text's next character (texts,); returns rows of the table (texts, columns)
        as `Side.rows` does."""
        read = characters.tolist()
        columns = []
        for texts in self._followers:
            figures: list[int] = []
            for follower, character in zip(texts, read, strict=True):
                figures += follower.push(character)
            columns.append(np.fromiter(figures, np.int64, len(figures)).reshape(len(read), -1))
        rows = np.concatenate(columns, axis=1)
        rows += self._first_rows
        return rows

    def keep(self, texts: Sequence[int] | Ids) -> None:
        """Keep these texts, in this order; one may occur many times."""
        numbers = np.asarray(texts).tolist()
        kept = [(text, text in numbers[:place]) for place, text in enumerate(numbers)]
        self._followers = [
            [copy(one[text]) if again else one[text] for text, again in kept]
            for one in self._followers
        ]
