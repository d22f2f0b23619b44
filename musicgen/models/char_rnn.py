"""The network: reads characters, scores the next one."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from musicgen.config.components import Cell
from musicgen.config.registry import component
from musicgen.models import contract
from musicgen.models.dropout import Dropout
from musicgen.models.layers import State
from musicgen.models.side import Side, SideInput


class CharRNN(nn.Module):
    """One-hot or embedding, a stack of recurrent layers, a linear head.

    With side inputs (`side`) each row of the input holds a character and facts about it. Side
    inputs may suggest characters: a gate for each suggestion, computed from the last layer's
    output, is added to the suggested character's score.

    Dropout acts once before each layer and once before the head. So it also acts in a network of
    one layer, where PyTorch's own `nn.LSTM(dropout=p)` does nothing.
    """

    def __init__(
        self,
        vocab_size: int,
        hidden: int = 150,
        *,
        cell: str | Cell = "lstm",
        layers: int = 1,
        dropout: float = 0.0,
        embedding: int = 0,
        layer_norm: bool = False,
        tie_weights: bool = False,
        side: Sequence[SideInput] = (),
    ) -> None:
        """cell: with the settings of its own, or its name if it has none.

        embedding: its size; 0 for one-hot. tie_weights needs embedding == hidden.
        """
        super().__init__()
        self.vocab_size, self.hidden = vocab_size, hidden
        self.cell: Cell = component("cell", cell)(cell) if isinstance(cell, str) else cell
        self.embedding = nn.Embedding(vocab_size, embedding) if embedding else None
        width = embedding or vocab_size
        self.side = Side(side, width) if side else None
        sizes = [2 * width if side else width] + [hidden] * layers
        self.cells = nn.ModuleList(
            self.cell.build(inputs, size) for inputs, size in pairwise(sizes)
        )
        contract.check(self.cell, self.cells[0], sizes[0], hidden)
        self.norms = nn.ModuleList(
            nn.LayerNorm(hidden) if layer_norm else nn.Identity() for _ in range(layers)
        )
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(hidden, vocab_size)
        self.gate = None
        if self.side is not None and len(self.side.suggesting):
            self.gate = nn.Linear(hidden, len(self.side.suggesting))
            nn.init.zeros_(self.gate.weight)
            nn.init.zeros_(self.gate.bias)
        if tie_weights:
            assert self.embedding is not None
            # The scale of the head: nn.Embedding starts at variance 1, which would give a loss of
            # 100.
            nn.init.uniform_(self.embedding.weight, -(hidden**-0.5), hidden**-0.5)
            self.head.weight = self.embedding.weight

    def forward(
        self, reading: Tensor, state: list[State] | None = None
    ) -> tuple[Tensor, list[State]]:
        """Scores of each next character.

        reading: (time, batch) int64, with side inputs (time, batch, columns); see `read`. state:
        one entry per layer, as returned for the slice before, or None for zeros. Returns logits
        (time, batch, vocab) and the state after the last character.
        """
        x = self.embedded(reading)
        after: list[State] = []
        for layer, (cell, norm) in enumerate(zip(self.cells, self.norms, strict=True)):
            x, end = cell(self.dropout(x), None if state is None else state[layer])
            x = norm(x)
            after.append(end)
        x = self.dropout(x)
        scores = self.head(x)
        if self.side is not None and self.gate is not None:
            suggested = self.side.suggested(reading[..., 1:])
            scores = raised(scores, suggested, self.gate(x).to(scores.dtype))
        return scores, after

    def read(self, text: Tensor) -> Tensor:
        """The network's input for a whole text.

        text: (characters,) int64. Returns it unchanged, or (characters, columns) with the text as
        first column.
        """
        if self.side is None:
            return text
        rows = torch.from_numpy(self.side.rows(text.cpu().numpy()))
        return torch.cat([text.unsqueeze(1), rows.to(text.device)], dim=1)

    def embedded(self, reading: Tensor) -> Tensor:
        """The input of the first layer, (time, batch, inputs)."""
        if self.side is None:
            return self._embedded(reading)
        return torch.cat([self._embedded(reading[..., 0]), self.side(reading[..., 1:])], dim=-1)

    def _embedded(self, characters: Tensor) -> Tensor:
        if self.embedding is not None:
            embedded: Tensor = self.embedding(characters)
            return embedded
        return functional.one_hot(characters, self.vocab_size).to(self.head.weight.dtype)


def raised(scores: Tensor, suggested: Tensor, gates: Tensor) -> Tensor:
    """Add the gates (..., suggestions) to the scores (..., vocab) of the suggested characters (...,
    suggestions), numbered from 1; 0 suggests none."""
    behind = functional.pad(scores, (1, 0))
    if scores.device.type == "cpu":
        return behind.scatter_add(-1, suggested, gates)[..., 1:]
    # scatter_add on a GPU adds in no fixed order.
    chosen = functional.one_hot(suggested, behind.shape[-1]).to(gates.dtype)
    return (behind + (chosen * gates.unsqueeze(-1)).sum(dim=-2))[..., 1:]


def detach(state: list[State]) -> list[State]:
    """The same state, cut from its graph: truncated back-propagation ends there."""
    return [tuple(part.detach() for part in layer) for layer in state]
