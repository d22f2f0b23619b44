"""A minimal gated unit (Zhou et al. 2016), for which there is no fused kernel.

f = sigmoid(W_f x + U_f h + b_f), n = tanh(W_n x + U_n (f h) + b_n), and h + f (n - h) comes next.
"""

from dataclasses import dataclass

from musicgen.config.components import Cell, key, register


@register("cell", "mgu")
@dataclass
class MGU(Cell):
    observable = ("hidden", "forget_gate", "candidate")

    gate_bias: float = key("What the forget gates' biases begin with", ge=-5, le=5, default=-1.0)

    def build(self, inputs, hidden):
        import torch
        from torch import nn

        class Layer(nn.Module):
            def __init__(self, gate_bias):
                super().__init__()
                self.gate, self.new = (nn.Linear(inputs, hidden) for _ in range(2))
                self.gate_h, self.new_h = (nn.Linear(hidden, hidden, bias=False) for _ in range(2))
                nn.init.constant_(self.gate.bias, gate_bias)

            def forward(self, x, state=None):
                h = x.new_zeros(x.shape[1], hidden) if state is None else state[0]
                gates, new, states = self.gate(x), self.new(x), []
                for gate, candidate in zip(gates, new, strict=True):
                    f = torch.sigmoid(gate + self.gate_h(h))
                    h = h + f * (torch.tanh(candidate + self.new_h(f * h)) - h)
                    states.append(h)
                return torch.stack(states), (h,)

        return Layer(self.gate_bias)

    def observe(self, layer, state, x, hidden):
        import torch

        before = torch.cat([torch.zeros_like(hidden[:1]), hidden[:-1]])
        f = torch.sigmoid(layer.gate(x) + layer.gate_h(before))
        if state == "forget_gate":
            return f
        return torch.tanh(layer.new(x) + layer.new_h(f * before))
