"""The network: characters in, scores of the next character out."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from musicgen.models.cells import CELLS, State
from musicgen.models.dropout import Dropout


class CharRNN(nn.Module):
    """One-hot or embedding, a stack of recurrent layers, a linear head.

    Dropout acts once before each layer and once before the head, so also in a network of one
    layer, where PyTorch's own `nn.LSTM(dropout=p)` does nothing.
    """

    def __init__(
        self,
        vocab_size: int,
        hidden: int = 150,
        *,
        cell: str = "lstm",
        layers: int = 1,
        dropout: float = 0.0,
        embedding: int = 0,
        layer_norm: bool = False,
        tie_weights: bool = False,
    ) -> None:
        """embedding: its size, 0 for one-hot. tie_weights needs embedding == hidden."""
        super().__init__()
        self.vocab_size = vocab_size
        self.embedding = nn.Embedding(vocab_size, embedding) if embedding else None
        sizes = [embedding or vocab_size] + [hidden] * layers
        self.cells = nn.ModuleList(CELLS[cell](inputs, size) for inputs, size in pairwise(sizes))
        self.norms = nn.ModuleList(
            nn.LayerNorm(hidden) if layer_norm else nn.Identity() for _ in range(layers)
        )
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(hidden, vocab_size)
        if tie_weights:
            assert self.embedding is not None
            # A head's scale: nn.Embedding starts at variance 1, which would make a loss of 100.
            nn.init.uniform_(self.embedding.weight, -(hidden**-0.5), hidden**-0.5)
            self.head.weight = self.embedding.weight

    def forward(
        self, characters: Tensor, state: list[State] | None = None
    ) -> tuple[Tensor, list[State]]:
        """Scores of each next character.

        characters: (time, batch) int64. state: one entry per layer, as returned for the slice
        before, or None for zeros. Returns logits (time, batch, vocab) and the state after the
        last character.
        """
        x = self.embedded(characters)
        after: list[State] = []
        for layer, (cell, norm) in enumerate(zip(self.cells, self.norms, strict=True)):
            x, end = cell(self.dropout(x), None if state is None else state[layer])
            x = norm(x)
            after.append(end)
        return self.head(self.dropout(x)), after

    def embedded(self, characters: Tensor) -> Tensor:
        """What the first layer reads, (time, batch, inputs)."""
        if self.embedding is not None:
            embedded: Tensor = self.embedding(characters)
            return embedded
        return functional.one_hot(characters, self.vocab_size).to(self.head.weight.dtype)


def detach(state: list[State]) -> list[State]:
    """The same state, cut from the graph that made it: where truncated back-propagation ends."""
    return [tuple(part.detach() for part in layer) for layer in state]
