"""A network that takes over another's weights says of its characters what the other says."""

import numpy as np
import pytest
import torch

from musicgen.errors import InputError
from musicgen.memory import Match, Melody, PlaceInput
from musicgen.models.char_rnn import CharRNN
from musicgen.models.transfer import transfer

FEW = "\n/1:<>ABCKLM[]adrst|"
MANY = "\n!/012345:<>ABCKLM[]adrstz|~"
TUNE = "<start>\nM:1/1\nL:1/1\nK:C\nABC|ABA|A1|[M:1/1]AB|1A/1A/1B:|1A1||\n"


def network(characters: str, seed: int, *, side: bool = True, embedding: int = 8) -> CharRNN:
    torch.manual_seed(seed)
    mark = tuple(characters.index(character) for character in "<start>")
    inputs = [
        Match(len(characters), 2, mark),
        Melody(characters, 2, mark),
        PlaceInput(characters),
    ]
    model = CharRNN(
        len(characters), 12, embedding=embedding, layer_norm=True, side=inputs if side else ()
    )
    for weight in model.parameters():  # gates and biases too
        torch.nn.init.normal_(weight, std=0.5)
    return model.eval()


def scores(model: CharRNN, characters: str) -> torch.Tensor:
    ids = torch.from_numpy(np.array([characters.index(character) for character in TUNE]))
    return model(model.read(ids).unsqueeze(1))[0][:, 0]


@pytest.mark.parametrize("side", [True, False])
def test_the_scores_of_known_characters_stay(side: bool) -> None:
    source, to = network(FEW, 1, side=side), network(MANY, 2, side=side)
    numbers = [MANY.index(character) for character in FEW]
    new = [number for number in range(len(MANY)) if number not in numbers]
    rows = to.head.weight[new].clone()
    transfer(source, to, numbers)
    torch.testing.assert_close(scores(to, MANY)[:, numbers], scores(source, FEW))
    assert torch.equal(to.head.weight[new], rows)


def test_one_hot_columns_are_taken_over_only_where_nothing_is_added() -> None:
    source = network(FEW, 1, side=False, embedding=0)
    same = network(FEW, 2, side=False, embedding=0)
    transfer(source, same, range(len(FEW)))
    assert torch.equal(scores(same, FEW), scores(source, FEW))
    more = network(MANY, 2, side=False, embedding=0)
    with pytest.raises(InputError, match=r"model\.embedding above 0"):
        transfer(source, more, [MANY.index(character) for character in FEW])
