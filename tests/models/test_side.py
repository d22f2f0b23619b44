"""Networks that are told more than characters: every way of reading a text agrees."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from musicgen.memory import Match, Melody, PlaceInput
from musicgen.models.char_rnn import CharRNN, raised
from musicgen.models.evaluation import evaluate
from musicgen.models.sampler import sample
from musicgen.models.side import Side
from musicgen.models.stepper import ModuleStepper, Stepper

CHARACTERS = "\n/1234:<>ABCKLM[]adrst|"
TUNE = "<start>\nM:3/4\nL:1/4\nK:C\nABC|ABA|A3|[M:2/4]AB|1A/2A/2B:|2A2||\n"
MARK = tuple(CHARACTERS.index(character) for character in "<start>")


def ids(text: str) -> np.ndarray:
    return np.array([CHARACTERS.index(character) for character in text])


def network(cell: str = "lstm", embedding: int = 8, layers: int = 1) -> CharRNN:
    torch.manual_seed(0)
    side = [
        Match(len(CHARACTERS), 2, MARK),
        Melody(CHARACTERS, 2, MARK),
        PlaceInput(CHARACTERS),
    ]
    model = CharRNN(len(CHARACTERS), 12, cell=cell, layers=layers, embedding=embedding, side=side)
    assert model.gate is not None
    torch.nn.init.normal_(model.gate.weight)
    return model.eval()


def test_suggested_characters_are_raised_by_their_gates() -> None:
    scores = torch.zeros(2, 3)
    suggested = torch.tensor([[1, 1, 0], [3, 2, 0]])
    gates = torch.tensor([[0.5, 1.0, 9.0], [2.0, -1.0, 9.0]])
    expected = [[1.5, 0.0, 0.0], [0.0, -1.0, 2.0]]
    assert raised(scores, suggested, gates).tolist() == expected


def test_what_is_suggested_is_found_among_all_columns() -> None:
    model = network()
    assert model.side is not None
    rows = model.read(torch.from_numpy(ids(TUNE + "AB")))[:, 1:]
    suggested = model.side.suggested(rows)
    encoded = [one.encode(ids(TUNE + "AB")) for one in model.side.inputs]
    assert suggested[:, 0].tolist() == encoded[0][:, 0].tolist()
    assert suggested[:, 1].tolist() == encoded[1][:, 0].tolist()
    assert suggested[:, 2:].tolist() == encoded[2][:, -4:].tolist()


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("embedding", [0, 8])
def test_character_by_character_a_network_says_what_it_says_of_the_whole_text(
    cell: str, embedding: int
) -> None:
    model = network(cell, embedding)
    text = ids(TUNE * 2)
    with torch.no_grad():
        whole, _ = model(model.read(torch.from_numpy(text)).unsqueeze(1))
    for steps in (Stepper(model), ModuleStepper(model)):
        stepped = [steps.step(np.array([character]))[0].copy() for character in text]
        np.testing.assert_allclose(np.stack(stepped), whole[:, 0].numpy(), atol=2e-5)


def test_texts_told_apart_and_kept_in_another_order_go_on_as_they_were() -> None:
    model = network(layers=2)
    first, second = ids(TUNE + "ABC|"), ids(TUNE + "|:a2")
    with torch.no_grad():
        alone = [
            model(model.read(torch.from_numpy(t)).unsqueeze(1))[0][-1, 0] for t in (first, second)
        ]
    for steps in (Stepper(model), ModuleStepper(model)):
        for character in ids(TUNE):
            steps.step(np.array([character]))
        steps.keep([0, 0])
        steps.step(np.array([first[-4], second[-4]]))
        steps.keep([1, 0])
        for place in (-3, -2, -1):
            scores = steps.step(np.array([second[place], first[place]]))
        np.testing.assert_allclose(scores[1], alone[0].numpy(), atol=2e-5)
        np.testing.assert_allclose(scores[0], alone[1].numpy(), atol=2e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_scores_of_a_text_have_the_same_bits_alone_and_beside_others(cell: str) -> None:
    model = network(cell)
    alone, beside = Stepper(model), Stepper(model)
    beside.keep([0] * 5)
    others = np.random.default_rng(0).integers(len(CHARACTERS), size=(len(TUNE), 5))
    others[:, 3] = ids(TUNE)
    for characters in others:
        scores = alone.step(characters[3:4])
        assert scores.tobytes() == beside.step(characters)[3:4].tobytes()


def test_segments_of_a_text_are_scored_as_one_stream() -> None:
    model = network()
    read = model.read(torch.from_numpy(ids(TUNE * 40)))
    whole = evaluate(model, read, segments=1)
    assert evaluate(model, read, segments=5) == pytest.approx(whole, abs=1e-6)
    with torch.no_grad():
        logits, _ = model(read[:-1].unsqueeze(1))
    loss = torch.nn.functional.cross_entropy(logits[:, 0], read[1:, 0])
    assert whole[0] == pytest.approx(float(loss), abs=1e-6)


def test_a_tune_of_a_batch_is_the_tune_drawn_by_itself() -> None:
    model = network()
    prime = ids("<start>\n").tolist()
    end = ids("|").tolist()
    together = sample(model, prime, [1.0] * 5, seed=1, max_chars=60, end=end)
    alone = sample(model, prime, [1.0], seed=1, max_chars=60, end=end, numbers=[3])
    assert together[3] == alone[0]


@given(st.lists(st.sampled_from(CHARACTERS), max_size=40).map("".join))
def test_what_is_told_comes_from_what_stands_before(text: str) -> None:
    side = Side(
        [Match(len(CHARACTERS), 1, MARK), Melody(CHARACTERS, 1, MARK), PlaceInput(CHARACTERS)], 4
    )
    longer = ids(TUNE + text + "|A2<")
    rows = side.rows(longer)
    assert (rows < side.table.num_embeddings).all()
    assert (side.rows(longer[:-4]) == rows[:-4]).all()


@pytest.mark.parametrize("size", [40, 40_000])
def test_gradients_are_those_of_pytorchs_embedding_bag(size: int) -> None:
    torch.manual_seed(0)
    side = Side([], 3)
    side.table = torch.nn.EmbeddingBag(size, 3, mode="sum").double()
    rows = torch.randint(0, size, (7, 5, 4))
    weights = torch.randn(7, 5, 3, dtype=torch.float64)
    ours = torch.autograd.grad((side(rows) * weights).sum(), side.table.weight)[0]
    theirs = side.table(rows.flatten(0, 1)).view(7, 5, 3)
    torch.testing.assert_close(
        ours, torch.autograd.grad((theirs * weights).sum(), side.table.weight)[0]
    )


def test_side_inputs_are_embedded_each_in_rows_of_its_own_and_summed() -> None:
    side = Side([Match(5, 2), PlaceInput("ab|:A")], 7)
    rows = torch.from_numpy(side.rows(np.array([0, 1, 0, 1, 2])))
    expected = side.table.weight[rows].sum(dim=1)
    torch.testing.assert_close(side(rows.unsqueeze(1))[:, 0], expected)
    assert rows[4, 0] == 0
    assert rows[4, 1] == 6
