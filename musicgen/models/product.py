"""Matrix products whose rows do not hang on one another, to the last bit."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]


class Product:
    """rows @ weights + bias; no row's result hangs on how many rows there are, or which it is.

    Libraries of linear algebra take other ways for other sizes, and these round differently. So
    the rows are filled up to 4, 8, 16 ..., and before a size is used, its results are compared
    with those of the same rows alone. If they differ in any bit, which was not seen for PyTorch's
    x86 builds, rows of this size are multiplied one by one.
    """

    LEAST = 4
    """Below, other routines are used (dot products), which never agree."""

    def __init__(self, weights: Floats, bias: Floats) -> None:
        """weights: (inputs, outputs). bias: (outputs,)."""
        self._weights = torch.from_numpy(np.vstack([weights, bias]))
        self._whole: dict[int, bool] = {}

    def prepare(self, n: int) -> tuple[Floats, Floats]:
        """Where to put n rows before `multiply`, (n, inputs); and where the results come to be,
        (n, outputs)."""
        inputs, outputs = self._weights.shape
        size = max(self.LEAST, 1 << (n - 1).bit_length())
        if size not in self._whole:
            noise = np.random.default_rng(0).normal(size=(size, inputs)).astype(np.float32)
            together, alone = torch.empty(size, outputs), torch.empty(size, outputs)
            torch.mm(torch.from_numpy(noise), self._weights, out=together)
            self._singly(torch.from_numpy(noise), alone)
            self._whole[size] = torch.equal(together, alone)
        self._rows, self._out = torch.zeros(size, inputs), torch.empty(size, outputs)
        self._rows[:, -1] = 1  # meets the bias
        self._n, self._at_once = n, self._whole[size]
        return self._rows.numpy()[:n, :-1], self._out.numpy()[:n]

    def multiply(self) -> None:
        if self._at_once:
            torch.mm(self._rows, self._weights, out=self._out)
        else:
            self._singly(self._rows[: self._n], self._out)

    def _singly(self, rows: Tensor, out: Tensor) -> None:
        alone = torch.zeros(self.LEAST, rows.shape[1])
        for number, row in enumerate(rows):
            alone[0] = row
            out[number] = torch.mm(alone, self._weights)[0]
