"""Muon: steps of the recurrent layers' matrices are made orthogonal.

Adam divides each weight's gradient by its own size. Muon (Jordan et al. 2024) treats a matrix as a
whole: of the momentum, U S V' by its singular values, the step is U V'. So directions in which the
gradient is small are learned as fast as the few in which it is large.
"""

from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

# Jordan et al. (2024): a x + b x^3 + c x^5, applied a few times, brings each singular value near 1.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_TIMES = 5
_RMS = 0.2
"""Root mean square of a step of Adam's, as a share of lr (Liu et al. 2025, eq. 4)."""


def orthogonal(matrices: Tensor) -> Tensor:
    """About U V' of each matrix U S V', of shape (matrices, rows, columns).

    Singular values above a hundredth of the matrix's norm become 0.68 to 1.14, smaller ones grow by
    a factor of 480. Needs products only, which is faster than a decomposition, and exact enough in
    bfloat16.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    norm = torch.linalg.matrix_norm(x, keepdim=True)
    x = x / (1.01 * norm + 1e-7)  # rounding must not lift a singular value above 1
    for _ in range(_TIMES):
        square = torch.bmm(x, x.mT)
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=_B, alpha=_C), x, beta=_A)
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
        products: torch.dtype = torch.float32,
    ) -> None:
        """weight_decay: of the matrices, times lr, beside the gradient. momentum: of the matrices,
        with Nesterov's look-ahead. betas, eps: Adam's. products: the type in which `orthogonal`
        multiplies."""
        self._products = products
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
        matrices = ahead.view(-1, group["rows"], parameter.shape[1])
        step = orthogonal(matrices.to(self._products)).to(parameter.dtype)
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
