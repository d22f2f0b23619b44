"""A sweep of a function of your own: python examples/own_function.py [folder]

Linear regression by gradient descent on made-up data. Stop it with Ctrl-C or kill it, and start it
again: finished trials stay, and those under way go on from their own checkpoints.
"""

import sys

import numpy as np

from musicgen import Float, Int, Sweep, Trial

EPOCHS = 27
draw = np.random.default_rng(0)
INPUTS = draw.normal(size=(2000, 40))
TARGETS = INPUTS @ draw.normal(size=40) + draw.normal(size=2000)


def objective(trial: Trial) -> dict[str, float]:
    """The validation loss after 27 epochs, with the batch size and learning rate of the trial."""
    rate, size = trial.params["lr"], trial.params["batch_size"]
    checkpoint = trial.folder / "weights.npz"
    weights, first = np.zeros(40), 0
    if checkpoint.exists():  # an earlier life of this trial was killed
        weights, first = np.load(checkpoint)["weights"], int(np.load(checkpoint)["epoch"])
    for epoch in range(first + 1, EPOCHS + 1):
        for begin in range(0, 1600, size):
            x, y = INPUTS[begin : begin + size], TARGETS[begin : begin + size]
            weights -= rate * x.T @ (x @ weights - y) / len(y)
        np.savez(trial.folder / "draft.npz", weights=weights, epoch=epoch)
        (trial.folder / "draft.npz").rename(checkpoint)  # there whole or not at all
        loss = float(np.mean((INPUTS[1600:] @ weights - TARGETS[1600:]) ** 2))
        trial.report(epoch, loss, last=epoch == EPOCHS)
        if trial.should_stop():  # it is pruned, or the sweep stops
            break
    return {"loss": loss, "epochs": epoch}


if __name__ == "__main__":
    sweep = Sweep.of(
        objective,
        space={"lr": Float(1e-4, 1e-1, log=True), "batch_size": Int(8, 64, step=8)},
        n_trials=20,
        pruner="asha",
        workers=2,
        folder=sys.argv[1] if sys.argv[1:] else "runs/own_function",
    )
    print(sweep.table.head())
