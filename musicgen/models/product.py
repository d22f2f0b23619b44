"""Matrix products in which no row depends on the other rows, bit for bit."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]
Way = Callable[[Tensor], Tensor]
"""Takes rows (n, inputs), returns products (n, outputs)."""

MIN_ROWS = 4
"""Below so many rows a matrix product takes another routine, whose results always differ."""


class Product:
    """rows @ weights + bias, where each row's result is independent of the number and order of
    rows.

    Most libraries add a row's terms in order, with one rounding each, for 4 rows as for 128; none
    of them promises it. So each number of rows is tried before it is used: if any bit differs from
    the product of single rows, such rows are multiplied one by one.
    """

    def __init__(self, weights: Floats, bias: Floats) -> None:
        """weights: (inputs, outputs). bias: (outputs,)."""
        # A column of ones multiplies the bias: a separate sum takes longer for a few rows.
        self._weights = torch.from_numpy(np.ascontiguousarray(np.vstack([weights, bias])))
        self._together = packed(self._weights) or self._plain
        self._terms = torch.arange(len(self._weights))
        self._no_offset = torch.zeros(1, dtype=torch.int64)
        trial = self._trial(16)
        agrees = torch.equal(self._summed(trial[:1]), self._together(trial)[:1])
        self._alone = self._summed if agrees else self._filled_up
        self._ways: dict[int, Way] = {}

    def prepare(self, n: int) -> Floats:
        """The buffer (n, inputs) for the n rows, to be filled before each `multiply`."""
        size = 1 if n == 1 else MIN_ROWS
        while size < n:
            size += min(size, 16)
        if size == 1:
            self._ways[1] = self._alone
        elif size not in self._ways:
            trial = self._trial(size)
            agrees = torch.equal(self._together(trial), self._singly(trial))
            self._ways[size] = self._together if agrees else self._singly
        self._n, self._way = n, self._ways[size]
        self._rows = torch.zeros(size, len(self._weights))
        self._rows[:, -1] = 1
        return self._rows.numpy()[:n, :-1]

    def multiply(self) -> Floats:
        """The products, (n, outputs)."""
        results: Floats = self._way(self._rows).numpy()
        return results[: self._n]

    def _trial(self, size: int) -> Tensor:
        noise = np.random.default_rng(0).normal(size=(size, len(self._weights)))
        return torch.from_numpy(noise.astype(np.float32))

    def _plain(self, rows: Tensor) -> Tensor:
        return torch.mm(rows, self._weights)

    def _singly(self, rows: Tensor) -> Tensor:
        return torch.cat([self._alone(row) for row in torch.split(rows, 1)])

    def _summed(self, row: Tensor) -> Tensor:
        """As a weighted sum of embeddings. It also adds its terms in order, and takes 7 us where
        the smallest matrix product takes 16 (150 by 693)."""
        return torch.embedding_bag(
            self._weights, self._terms, self._no_offset, False, 0, False, row[0]
        )[0]

    def _filled_up(self, row: Tensor) -> Tensor:
        rows = torch.zeros(MIN_ROWS, row.shape[1])
        rows[:1] = row
        return self._together(rows)[:1]


def packed(weights: Tensor, rows: int = MIN_ROWS) -> Way | None:
    """The product with weights (inputs, outputs) in oneDNN's own order, for this number of rows.

    None without oneDNN, or where oneDNN has no such product for this type on this processor.

    PyTorch's public products reorder the weights at each call, which takes longer than the product
    itself: 300 us instead of 140 for 128 rows (150 by 693). `torch.compile` calls the operations
    used here.
    """
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return None
    try:
        order = torch.ops.mkldnn._reorder_linear_weight
        times = torch.ops.mkldnn._linear_pointwise
        ordered = order(weights.t().contiguous(), rows)
        times(weights.new_zeros(rows, len(weights)), ordered, None, "none", [], "")
    except (AttributeError, NotImplementedError, RuntimeError):
        return None

    def product(rows: Tensor) -> Tensor:
        result: Tensor = times(rows, ordered, None, "none", [], "")
        return result

    return product
