"""Muon: orthogonal steps for the recurrent layers' matrices, Adam for all else."""

import pytest
import torch

from musicgen.config.registry import component
from musicgen.models.char_rnn import CharRNN
from musicgen.training.muon import Muon, orthogonal

SETTINGS = {"lr": 0.02, "weight_decay": 0.15, "momentum": 0.9, "betas": (0.9, 0.99), "eps": 1e-8}


@pytest.mark.parametrize("shape", [(3, 40, 40), (2, 60, 24), (2, 24, 60), (1, 1, 7)])
def test_a_step_keeps_the_directions_of_the_momentum_and_evens_their_sizes(
    shape: tuple[int, int, int],
) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, sizes, right = torch.linalg.svd(matrices, full_matrices=False)
    found = left.mT @ orthogonal(matrices) @ right.mT
    evened = found.diagonal(dim1=-2, dim2=-1)
    assert torch.allclose(found, torch.diag_embed(evened), atol=1e-4)
    norms = torch.linalg.matrix_norm(matrices).unsqueeze(-1)
    assert (evened[sizes > norms / 100] > 0.65).all()
    assert (evened < 1.25).all()


def test_no_gradient_is_no_step() -> None:
    assert orthogonal(torch.zeros(1, 3, 3)).eq(0).all()


def test_all_else_is_adam() -> None:
    ours, theirs = (torch.nn.Linear(5, 3) for _ in range(2))
    ours.load_state_dict(theirs.state_dict())
    muon = Muon([{"params": list(ours.parameters()), "rows": 0}], **SETTINGS)
    adam = torch.optim.Adam(theirs.parameters(), lr=0.02, betas=(0.9, 0.99), eps=1e-8)
    for step in range(5):
        x = torch.randn(4, 5, generator=torch.Generator().manual_seed(step))
        for layer, optimizer in ((ours, muon), (theirs, adam)):
            optimizer.zero_grad()
            layer(x).square().sum().backward()
            optimizer.step()
    assert torch.equal(ours.weight, theirs.weight)
    assert torch.equal(ours.bias, theirs.bias)


def test_gates_are_matrices_of_their_own() -> None:
    """A gate with a large gradient takes nothing from the steps of the others."""
    weight = torch.nn.Parameter(torch.zeros(8, 4))
    weight.grad = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    weight.grad[4:] *= 1000
    Muon([{"params": [weight], "rows": 4}], **SETTINGS).step()
    sizes = weight.detach().view(2, 4, 4).norm(dim=(1, 2))
    assert sizes[0] == pytest.approx(float(sizes[1]), rel=0.3)


def test_matrices_are_decayed_and_nothing_else() -> None:
    matrix, bias = (torch.nn.Parameter(torch.ones(4, 4)) for _ in range(2))
    groups = [{"params": [matrix], "rows": 4}, {"params": [bias], "rows": 0}]
    optimizer = Muon(groups, **SETTINGS)
    for parameter in (matrix, bias):
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert torch.allclose(matrix, torch.full((4, 4), 1 - 0.02 * 0.15))
    assert bias.eq(1).all()


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_matrices_of_all_layers_and_no_others_take_orthogonal_steps(cell: str) -> None:
    network = CharRNN(11, 6, cell=cell, layers=2, embedding=4, layer_norm=True)
    optimizer = component("optimizer", "muon")(name="muon", **SETTINGS).of(network, torch.float32)
    matrices, others = optimizer.param_groups
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    assert sorted(names[id(one)] for one in matrices["params"]) == [
        f"cells.{layer}.fused.weight_{kind}_l0" for layer in (0, 1) for kind in ("hh", "ih")
    ]
    assert len(matrices["params"]) + len(others["params"]) == len(names)
    assert matrices["rows"] == 6


def test_without_its_network_each_matrix_is_one() -> None:
    layer = torch.nn.Linear(4, 8)
    optimizer = component("optimizer", "muon")(name="muon", **SETTINGS).build(layer.parameters())
    rows = [
        (group["rows"], [one.ndim for one in group["params"]]) for group in optimizer.param_groups
    ]
    assert rows == [(8, [2]), (0, [1])]


def test_a_loss_that_the_step_computes_is_returned() -> None:
    weight = torch.nn.Parameter(torch.ones(2, 2))
    optimizer = Muon([{"params": [weight], "rows": 2}], **SETTINGS)

    def closure() -> torch.Tensor:
        loss = weight.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 4
    assert not weight.eq(1).any()
