"""The weights of one network as the first weights of another that knows more characters."""

from collections.abc import Sequence

import torch
from torch import Tensor

from musicgen.errors import InputError
from musicgen.models.char_rnn import CharRNN
from musicgen.models.side import Side


@torch.no_grad()
def transfer(source: CharRNN, to: CharRNN, numbers: Sequence[int]) -> None:
    """Give `to` the weights of `source`, which has the same cell and size.

    numbers: the number that each character of `source` has in `to`. Characters that only `to` has
    keep their rows: of the embedding, of the head, and of the suggestions of side inputs. Raises
    InputError if `to` has more characters and reads them one-hot: then they are columns of weights
    whose meaning only the cell knows.
    """
    places = torch.tensor(numbers, dtype=torch.int64)
    if source.embedding is None and places.tolist() != list(range(to.vocab_size)):
        raise InputError(
            "init must be a network with model.embedding above 0 where the corpus has characters "
            f"that it lacks ({to.vocab_size - source.vocab_size} here), got one that reads one-hot"
        )
    rows = {"embedding.weight": places, "head.weight": places, "head.bias": places}
    if source.side is not None and to.side is not None:
        rows["side.table.weight"] = _side_rows(source.side, to.side, places)
    ours = to.state_dict()
    for name, weight in source.state_dict().items():
        ours[name][rows.get(name, ...)] = weight


def _side_rows(source: Side, to: Side, places: Tensor) -> Tensor:
    """The row in the table of `to` of each row in the table of `source`.

    A column that suggests characters has a row for no suggestion, then one for each character; any
    other column has the same rows in both.
    """
    suggesting = set(source.suggesting.tolist())
    starts = zip(source.first_rows.tolist(), to.first_rows.tolist(), strict=True)
    ends = [*source.first_rows.tolist()[1:], len(source.table.weight)]
    parts = []
    for column, ((first, there), end) in enumerate(zip(starts, ends, strict=True)):
        usual = torch.arange(end - first)
        moved = torch.cat([usual[:1], 1 + places]) if column in suggesting else usual
        parts.append(there + moved)
    return torch.cat(parts)
