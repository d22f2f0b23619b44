"""How well a network predicts a text."""

import torch
from torch import Tensor
from torch.nn import functional

from musicgen.models.cells import State
from musicgen.models.char_rnn import CharRNN


@torch.no_grad()
def evaluate(
    model: CharRNN, text: Tensor, *, segments: int = 32, tolerance: float = 1e-4
) -> tuple[float, float]:
    """Mean loss (nats/character) and share predicted right of a text read as one stream, in fp32.

    text: (characters,) int64 on the model's device, at least two. The state is carried from the
    first character to the last. So that this is not one long chain of tiny steps, the text is
    cut into segments that are read side by side, each from the state in which the segment before
    it ended in the last pass, until no such state moves by more than `tolerance`: two or three
    passes, since networks forget; as many passes as segments give the sequential result itself.
    (Parallel in time with a zero coarse propagator: Lions, Maday and Turinici 2001.) The default
    tolerance moved the loss of trained networks by less than 1e-8; on a GPU, one long chain
    would take longer than the epoch's training.
    """
    was_training = model.training
    model.eval()
    segments = max(1, min(segments, (len(text) - 1) // 256))
    state: list[State] | None = None
    with torch.autocast(text.device.type, enabled=False):
        for _ in range(segments):
            loss, right, ends = _read(model, text, segments, state)
            # The first segment starts from nothing, each other where the one before it ended.
            starts = [tuple(functional.pad(part[:-1], (0, 0, 1, 0)) for part in s) for s in ends]
            moved = max(
                float((part if state is None else part - state[i][j]).abs().max())
                for i, layer in enumerate(starts)
                for j, part in enumerate(layer)
            )
            if moved <= tolerance:
                break
            state = starts
    model.train(was_training)
    return loss, right


def _read(
    model: CharRNN, text: Tensor, segments: int, state: list[State] | None, max_steps: int = 1024
) -> tuple[float, float, list[State]]:
    """One pass over all segments: loss, accuracy, and the state at the end of each.

    At most max_steps characters of each segment are in memory at once.
    """
    n = len(text) - 1
    length = -(-n // segments)
    padded = functional.pad(text, (0, segments * length - n))
    x = padded[:-1].view(segments, length).t()
    y = padded[1:].view(segments, length).t()
    place = torch.arange(segments * length, device=text.device).view(segments, length).t()
    # Sums in double precision: a sum of a million fp32 terms loses digits.
    total = torch.zeros(2, dtype=torch.float64, device=text.device)
    for start in range(0, length, max_steps):
        part = slice(start, start + max_steps)
        logits, state = model(x[part], state)
        losses = functional.cross_entropy(logits.flatten(0, 1), y[part].flatten(), reduction="none")
        right = logits.argmax(-1).flatten() == y[part].flatten()
        real = (place[part] < n).flatten()
        total += torch.stack([(losses * real).double().sum(), (right & real).double().sum()])
    assert state is not None
    loss, share = (total / n).tolist()
    return loss, share, state
