"""The steps of a GRU on a CPU and their gradients, faster than PyTorch's in bf16.

PyTorch does not expose oneDNN's GRU. Its own loop allocates every gate of every step for autograd
and reorders the weights for every product. Here the steps of a slice write into tensors allocated
once, the weights are reordered once, and the gradient is written out.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from musicgen.models.product import Way, packed


def steps(inputs: Tensor, weights: Tensor, bias: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """All states (time, batch, hidden) and the last one, (batch, hidden).

    The equations are PyTorch's. With the state h and the inputs' shares x of the gates reset,
    update and new: r = sigmoid(x_r + W_r h), z = sigmoid(x_z + W_z h), n = tanh(x_n + r (W_n h +
    b)); the next state is n + z (h - n).

    inputs: (time, batch, 3 hidden), including all other biases. weights: (3 hidden, hidden). bias:
    (hidden,). before: the state at the start, (batch, hidden). `before` and the states may have a
    wider type than the rest, such as fp32 beside bf16: a unit that changes slowly changes by less
    than the resolution of bf16.
    """
    states, last = _Steps.apply(inputs, weights, bias, before)  # type: ignore[no-untyped-call]
    return states, last


class _Steps(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weights: Tensor, bias: Tensor, before: Tensor
    ) -> tuple[Tensor, Tensor]:
        time, batch, _ = inputs.shape
        n = len(bias)
        times = _product(weights.t(), batch)
        states = before.new_empty(time + 1, batch, n)
        factors = states if inputs.dtype == states.dtype else inputs.new_empty(states.shape)
        gates = inputs.new_empty(time, batch, 2 * n)  # reset and update
        inner, new = inputs.new_empty(2, time, batch, n)  # W_n h + b, and n
        states[0] = factors[0] = before
        for t, (x, gate, c, tilde) in enumerate(zip(inputs, gates, inner, new, strict=True)):
            product = times(factors[t])
            torch.add(x[:, : 2 * n], product[:, : 2 * n], out=gate).sigmoid_()
            torch.add(product[:, 2 * n :], bias, out=c)
            torch.addcmul(x[:, 2 * n :], gate[:, :n], c, out=tilde).tanh_()
            update = gate[:, n:].to(states.dtype)
            torch.lerp(tilde.to(states.dtype), states[t], update, out=states[t + 1])
            if factors is not states:
                factors[t + 1] = states[t + 1]
        ctx.save_for_backward(weights, factors, gates, inner, new)
        return states[1:], states[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_states: Tensor, d_last: Tensor) -> tuple[Tensor, ...]:
        weights, factors, gates, inner, new = ctx.saved_tensors
        time, batch, n = new.shape
        times = _product(weights, batch)
        reset, update = gates.chunk(2, 2)
        # First the gradients of the gates per unit of the state's gradient (of n's, for the reset
        # gate),
        # for all steps at once; then, step by step, their products with it.
        d_inputs = new.new_empty(time, batch, 3 * n)
        d_reset, d_update, d_new = d_inputs.chunk(3, 2)
        torch.ops.aten.sigmoid_backward.grad_input(inner, reset, grad_input=d_reset)
        torch.ops.aten.sigmoid_backward.grad_input(factors[:-1] - new, update, grad_input=d_update)
        torch.ops.aten.tanh_backward.grad_input(1 - update, new, grad_input=d_new)
        d_products = torch.empty_like(d_inputs)
        before, d_states, d_h = d_last.dtype, d_states.to(new.dtype), d_last.to(new.dtype)
        for t in reversed(range(time)):
            d_h = d_h + d_states[t]
            d_new[t].mul_(d_h)
            d_update[t].mul_(d_h)
            d_reset[t].mul_(d_new[t])
            product = d_products[t].copy_(d_inputs[t])
            product[:, 2 * n :].mul_(reset[t])
            d_h = times(product).addcmul_(d_h, update[t])
        flat = d_products.flatten(0, 1)
        d_weights = flat.t() @ factors[:-1].flatten(0, 1)
        return d_inputs, d_weights, flat[:, 2 * n :].sum(0), d_h.to(before)


def _product(weights: Tensor, rows: int) -> Way:
    """Rows (n, inputs) times weights, (inputs, outputs)."""
    return packed(weights, rows) or (lambda factors: torch.mm(factors, weights))
