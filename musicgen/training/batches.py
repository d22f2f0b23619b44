"""The training text as batches: slices of one tensor on the device.

Both kinds take the network's input, (characters,) or (characters, columns) with the characters in
the first column. They yield (x, y): x (time, batch) or (time, batch, columns), and y (time, batch),
the character after each of x.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from musicgen.errors import InputError


class Streams:
    """The text as `batch_size` parallel streams, cut into consecutive slices of `seq_len`.

    Row b of a slice continues row b of the slice before, so that a state can be carried. The last
    slice of an epoch may be shorter.
    """

    def __init__(self, text: Tensor, batch_size: int, seq_len: int) -> None:
        length = (len(text) - 1) // batch_size
        self.seq_len = seq_len
        used, rows = batch_size * length, (batch_size, length)
        self.x = text[:used].view(*rows, *text.shape[1:]).transpose(0, 1).contiguous()
        self.y = _characters(text)[1 : used + 1].reshape(rows).t().contiguous()

    def __len__(self) -> int:
        return -(-len(self.x) // self.seq_len)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        xs, ys = (torch.split(streams, self.seq_len) for streams in (self.x, self.y))
        return zip(xs, ys, strict=True)


class Slices:
    """Slices of `seq_len` in a random order, each read from a zero state.

    The cuts move by a random offset from epoch to epoch. The last batch may be smaller.
    """

    def __init__(
        self, text: Tensor, batch_size: int, seq_len: int, generator: Callable[[], torch.Generator]
    ) -> None:
        """generator: called once an epoch for the generator of its order."""
        self.text, self.batch_size, self.seq_len = text, batch_size, seq_len
        self.generator = generator

    def __len__(self) -> int:
        return -(-self._count // self.batch_size)

    @property
    def _count(self) -> int:
        """Slices in an epoch: one fewer than fit, which leaves room for the offset."""
        return max(1, (len(self.text) - 1) // self.seq_len - 1)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = self.generator()
        room = len(self.text) - self._count * self.seq_len
        offset = int(torch.randint(min(room, self.seq_len), (), generator=generator))
        order = torch.randperm(self._count, generator=generator).to(self.text.device)
        along = torch.arange(self.seq_len, device=self.text.device).unsqueeze(1)
        for chosen in torch.split(order, self.batch_size):
            places = offset + chosen.unsqueeze(0) * self.seq_len + along
            yield self.text[places], _characters(self.text)[places + 1]


def _characters(text: Tensor) -> Tensor:
    return text if text.dim() == 1 else text[:, 0]


def check_size(
    characters: int, validation: int, batch_size: int, seq_len: int, *, stateful: bool
) -> None:
    """Raise InputError if texts of these lengths fill no batch, or leave nothing to predict."""
    if validation < 2:
        raise InputError(
            f"the validation split must have at least 2 characters, got {validation}; "
            "raise data.val_fraction or bring more tunes"
        )
    streams = batch_size if stateful else 1
    if (characters - 1) // streams < seq_len:
        name, value = ("data.batch_size", batch_size) if stateful else ("data.seq_len", seq_len)
        need = f"data.seq_len ({seq_len})" + (" characters in each stream" if stateful else "")
        raise InputError(
            f"{name} must leave {need} of the training split ({characters:,} characters), "
            f"got {value:,}; lower {name} or bring more tunes"
        )
