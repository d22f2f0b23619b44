"""Muon: steps of the recurrent layers' matrices are made orthogonal.

Adam divides each weight's gradient by its own size. Muon (Jordan et al. 2024) treats a matrix as a
whole: of the momentum, U S V' by its singular values, the step is U V'. So directions in which the
gradient is small are learned as fast as the few in which it is large.
"""

from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

# Amsel, Persson, Musco and Gower (2025), "The Polar Express", algorithm 1: a, b and c of the first
# three steps.
_STEPS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
)
_RMS = 0.2
"""Root mean square of a step of Adam's, as a share of lr (Liu et al. 2025, eq. 4)."""


def orthogonal(matrices: Tensor) -> Tensor:
    """About U V' of each matrix U S V', of shape (matrices, rows, columns).

    Singular values above a hundredth of the matrix's norm become 0.7 to 1.2, smaller ones grow by a
    factor of 134. Needs products only, which is faster than a decomposition.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    norm = torch.linalg.matrix_norm(x, keepdim=True)
    x = x / (1.01 * norm + 1e-7)  # rounding must not lift a singular value above 1
    for a, b, c in _STEPS:
        square = torch.bmm(x, x.mT)
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for groups of matrices, Adam for all others.

    The `rows` of a group are those of each matrix: a parameter of 4 times as many holds four, such
    as an LSTM's gates. A group with `rows` 0 is trained by Adam.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        *,
        lr: float,
        weight_decay: float,
        momentum: float,
        betas: tuple[float, float],
        eps: float,
    ) -> None:
        """weight_decay: of the matrices, times lr, beside the gradient. momentum: of the matrices,
        with Nesterov's look-ahead. betas, eps: Adam's."""
        settings = {"weight_decay": weight_decay, "momentum": momentum, "betas": betas, "eps": eps}
        super().__init__(groups, {"lr": lr, **settings})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step. closure: computes the loss and its gradients; its result is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            trained = [parameter for parameter in group["params"] if parameter.grad is not None]
            if group["rows"]:
                for parameter in trained:
                    self._step_matrix(parameter, group)
            elif trained:
                self._step_adam(trained, group)
        return loss

    def _step_matrix(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        running = state["momentum"].mul_(group["momentum"]).add_(gradient)
        ahead = gradient.add(running, alpha=group["momentum"])
        step = orthogonal(ahead.view(-1, group["rows"], parameter.shape[1]))
        size = _RMS * max(step.shape[1:]) ** 0.5
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(step.reshape(parameter.shape), alpha=-group["lr"] * size)

    def _step_adam(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        states = [self.state[parameter] for parameter in parameters]
        for state, parameter in zip(states, parameters, strict=True):
            if not state:
                # PyTorch keeps a state of this name on the CPU.
                state["step"] = torch.zeros((), dtype=torch.float32)
                state["mean"] = torch.zeros_like(parameter)
                state["square"] = torch.zeros_like(parameter)
        beta1, beta2 = group["betas"]
        adam(
            parameters,
            [parameter.grad for parameter in parameters if parameter.grad is not None],
            [state["mean"] for state in states],
            [state["square"] for state in states],
            [],
            [state["step"] for state in states],
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"],
            weight_decay=0.0,
            eps=group["eps"],
            maximize=False,
        )
