"""Where tensors are made: each step of a network on `meta`, whose tensors mix with no others.

A tensor that is made on the CPU where it should be made on the network's device is an error here,
as it is on a GPU.
"""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from musicgen.config.registry import components
from musicgen.interpret.activations import _embedded
from musicgen.models.arithmetic import exact
from musicgen.models.char_rnn import CharRNN, detach
from musicgen.models.evaluation import _Reading
from musicgen.models.stepper import MOST, ModuleStepper, stepper
from musicgen.training.batches import Slices, Streams
from tests.cases import a_few_fast

VOCAB, META = 11, torch.device("meta")
NETWORKS = [
    {"cell": cell, "layers": layers, **more}
    for cell in components("cell")
    for layers, more in (
        (1, {}),
        (2, {"embedding": 5, "dropout": 0.3, "layer_norm": True}),
        (1, {"embedding": 7, "tie_weights": True}),
    )
]


@pytest.fixture(params=a_few_fast(NETWORKS, 4), ids=map(str, NETWORKS))
def network(request: pytest.FixtureRequest) -> CharRNN:
    return CharRNN(VOCAB, 7, **request.param).to(META)


@pytest.fixture(params=["streams", "slices"])
def batches(request: pytest.FixtureRequest) -> Iterator[tuple[Tensor, Tensor]]:
    text = torch.zeros(500, dtype=torch.int64, device=META)
    if request.param == "streams":
        return iter(Streams(text, 4, 20))
    return iter(Slices(text, 4, 20, lambda: torch.Generator().manual_seed(1)))


def test_a_training_step_stays_on_the_device(
    network: CharRNN, batches: Iterator[tuple[Tensor, Tensor]]
) -> None:
    optimizer = torch.optim.AdamW(network.parameters())
    state = None
    for _ in range(2):
        x, y = next(batches)
        logits, state = network(x, state)
        state = detach(state)
        functional.cross_entropy(logits.flatten(0, 1).float(), y.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    assert all(part.is_meta for layer in state for part in layer)


@pytest.mark.slow
@pytest.mark.parametrize("alike", [True, False])
def test_a_validation_stays_on_the_device(network: CharRNN, alike: bool) -> None:
    text = torch.zeros(3_001, dtype=torch.int64, device=META)
    with torch.no_grad(), exact(META):
        reading = _Reading(network.eval(), text, 4, alike=alike)
        starts = reading.first()
        assert starts.is_meta
        some = torch.zeros(2, dtype=torch.int64, device=META)
        # Not `again`, which looks at values: a reading of some segments, as it does them.
        for part in reading._parts:
            starts[some] = reading._read(some, part, starts[some])
    assert reading.ends.is_meta


def test_a_step_of_sampling_ends_on_the_cpu(
    network: CharRNN, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scores end on the CPU, where characters are drawn; meta tensors have no values."""
    monkeypatch.setattr(Tensor, "cpu", lambda self: torch.zeros(self.shape, dtype=self.dtype))
    steps = stepper(network)
    assert isinstance(steps, ModuleStepper)
    assert steps.step([1]).shape == (1, VOCAB)
    steps.keep([0, 0, 0])
    assert steps.step([1, 2, 3]).shape == (3, VOCAB)
    assert all(part.shape[0] == MOST and part.is_meta for layer in steps._state for part in layer)


@pytest.mark.parametrize("cell", components("cell"))
def test_hidden_units_are_observed_on_the_device(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = CharRNN(VOCAB, 7, cell=cell).to(META)
    made: Callable[..., Tensor] = _embedded
    with torch.no_grad(), exact(META):
        x = made(network, [torch.zeros(9).int().numpy(), torch.zeros(5).int().numpy()])
        hidden, _ = network.cells[0](x)
        for state in set(network.cell.observable) - {"hidden"}:
            assert network.cell.observe(network.cells[0], state, x, hidden).is_meta
