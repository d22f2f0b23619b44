"""How well a network predicts a text."""

import logging

import torch
from torch import Tensor
from torch.nn import functional

from musicgen.models.arithmetic import exact
from musicgen.models.char_rnn import CharRNN
from musicgen.models.layers import State, on_cpu

log = logging.getLogger(__name__)

STRIDE = 256
"""Steps between two comparisons of states; also the steps of each segment in memory at once."""
PASSES = 8
"""Most passes over a text on a GPU, where each pass takes as long as the first."""


def evaluate(
    model: CharRNN,
    text: Tensor,
    *,
    segments: int | None = None,
    passes: int | None = None,
    tolerance: float = 1e-4,
) -> tuple[float, float]:
    """Mean loss (nats/character) and accuracy (0 to 1) on a text read as one stream, in fp32.

    See `character_losses` for its arguments and its method.
    """
    reading = _settled(model, text, segments, passes, tolerance)
    return reading.loss_and_accuracy()


def character_losses(
    model: CharRNN,
    text: Tensor,
    *,
    segments: int | None = None,
    passes: int | None = None,
    tolerance: float = 1e-4,
) -> Tensor:
    """The loss (nats) of each character but the first, (characters - 1,) float64, on the CPU.

    text: the network's input (`CharRNN.read`), on its device, at least two characters. The state is
    carried from the first character to the last.

    To avoid one long chain of tiny steps, the text is cut into segments that are read in parallel.
    The first pass starts each segment from an empty state; later passes start it from the state in
    which the segment before it ended, and read it only as far as that changes its states by more
    than `tolerance`. This is not far, because networks forget. As many passes as segments give
    exactly the sequential result; few are needed. (Parallel in time with a zero coarse propagator:
    Lions, Maday and Turinici 2001.) The default tolerance changed the loss of trained networks by
    at most 5e-8.

    segments: how many. Default: 8 on a CPU, where more rows make slower steps and a network with a
    long memory is read again from more places; 32 on a GPU, where steps of any number of rows take
    the same time, and one long chain would take longer than the epoch's training. passes: how many
    at most. Default: as many as segments on a CPU, PASSES on a GPU. A line in the log says if they
    were too few.
    """
    return _settled(model, text, segments, passes, tolerance).losses()


@torch.no_grad()
def _settled(
    model: CharRNN, text: Tensor, segments: int | None, passes: int | None, tolerance: float
) -> "_Reading":
    """A whole text, read until no segment's start changes its states any more."""
    was_training = model.training
    model.eval()
    alike = not on_cpu(text)
    segments = segments or (32 if alike else 8)
    segments = max(1, min(segments, (len(text) - 1) // STRIDE))
    passes = min(segments, passes or (PASSES if alike else segments))
    with exact(text.device):
        reading = _Reading(model, text, segments, alike=alike)
        starts = reading.first()
        for done in range(1, segments + 1):
            # The first segment starts from an empty state, each other one where the segment before
            # it ended.
            due = functional.pad(reading.ends[:-1], (0, 0) * 3 + (1, 0))
            again = _moved(due, starts, tolerance)
            if not len(again):
                break
            if done == passes < segments:
                _say_unsettled(due, starts, segments, passes)
                break
            starts[again] = due[again]
            reading.again(again, due[again], tolerance)
    model.train(was_training)
    return reading


def _say_unsettled(due: Tensor, starts: Tensor, segments: int, passes: int) -> None:
    gap = (due - starts).abs().max()
    log.warning(
        "a text was read in %d parts, and after %d passes some still began with another state than "
        "the part before ended with (by up to %.2g); its loss may be off in the last digits",
        segments,
        passes,
        gap,
    )


class _Reading:
    """Segments of a text, read in parallel, and read again where their start states change.

    A state of n segments is one tensor here, (n, layers, parts, hidden).
    """

    def __init__(self, model: CharRNN, text: Tensor, segments: int, *, alike: bool) -> None:
        """alike: always read all segments, and keep those that were asked for. On a GPU this takes
        no longer. There, another number of rows would run other kernels, whose results differ by
        more than the tolerance."""
        self._model = model
        self._alike = alike
        self._n = len(text) - 1
        length = -(-self._n // segments)
        filled = (0, 0) * (text.dim() - 1) + (0, segments * length - self._n)
        padded = functional.pad(text, filled)
        characters = padded if text.dim() == 1 else padded[:, 0]
        self._x = padded[:-1].view(segments, length, *text.shape[1:])
        self._y = characters[1:].reshape(segments, length)
        self._losses = torch.zeros(segments, length, device=text.device)
        self._right = torch.zeros(segments, length, dtype=torch.bool, device=text.device)
        self._parts = [slice(start, start + STRIDE) for start in range(0, length, STRIDE)]
        self._after: list[Tensor] = []

    @property
    def ends(self) -> Tensor:
        """The state of each segment after its last character."""
        return self._after[-1]

    def first(self) -> Tensor:
        """Read all segments, each from an empty state; returns their end states."""
        segments, state = torch.arange(len(self._x), device=self._x.device), None
        for part in self._parts:
            state = self._read(segments, part, state)
            self._after.append(state)
        return torch.zeros_like(self.ends)

    def again(self, segments: Tensor, state: Tensor, tolerance: float) -> None:
        """Read these segments from other states, each until its states no longer change."""
        for part, after in zip(self._parts, self._after, strict=True):
            state = self._read(segments, part, state)
            still = _moved(state, after[segments], tolerance)
            after[segments] = state
            segments, state = segments[still], state[still]
            if not len(segments):
                break

    def losses(self) -> Tensor:
        return self._in_order(self._losses)

    def loss_and_accuracy(self) -> tuple[float, float]:
        return float(self.losses().mean()), float(self._in_order(self._right).mean())

    def _in_order(self, figures: Tensor) -> Tensor:
        # In fp64 where there is fp64: a sum of a million fp32 terms loses digits.
        return figures.flatten()[: self._n].cpu().double()

    def _read(self, segments: Tensor, part: slice, state: Tensor | None) -> Tensor:
        """Read this part of these segments, store the predictions, return the state after it."""
        y = self._y[segments, part].t().flatten()
        if self._alike and len(segments) < len(self._x):
            assert state is not None
            given = state.new_zeros(len(self._x), *state.shape[1:])
            given[segments] = state
            logits, after = self._model(self._x[:, part].transpose(0, 1), _unpacked(given))
            logits = logits[:, segments]
            after = [tuple(of[segments] for of in layer) for layer in after]
        else:
            logits, after = self._model(self._x[segments, part].transpose(0, 1), _unpacked(state))
        shape = (-1, len(segments))
        losses = functional.cross_entropy(logits.flatten(0, 1), y, reduction="none")
        self._losses[segments, part] = losses.view(shape).t()
        self._right[segments, part] = (logits.argmax(-1).flatten() == y).view(shape).t()
        return torch.stack([torch.stack(layer, 1) for layer in after], 1)


def _unpacked(state: Tensor | None) -> list[State] | None:
    if state is None:
        return None
    return [tuple(part.contiguous() for part in layer.unbind(1)) for layer in state.unbind(1)]


def _moved(state: Tensor, before: Tensor, tolerance: float) -> Tensor:
    """Indices of the segments whose state differs by more than the tolerance. NaN, the state of a
    network that diverged, counts as equal."""
    return ((state - before).abs().flatten(1).amax(1) > tolerance).nonzero().flatten()
