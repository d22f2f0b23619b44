"""Sweep two keys, read the table, look into the study, and hear the best network.

    python examples/sweep_and_read.py two data=files data.path=my_tunes.abc

Takes a name for the sweep, then any overrides of `python -m musicgen.train`. Stop it with Ctrl-C;
the same command goes on.
"""

import sys

from musicgen import Sweep


def main(name: str, overrides: list[str]) -> None:
    """Sweep into runs/sweeps/<name> and print what was found."""
    sweep = Sweep.start(
        "model.dropout=0,0.1", "optim=adam,rmsprop", *overrides, name=name, workers=2
    )

    swept = ["model.dropout", "optim"]
    print(sweep.table[["number", "status", *swept, "val_loss"]].to_string(index=False))
    print(sweep.table.pivot(index=swept[0], columns=swept[1], values="val_loss"))

    # Optuna's own study: its plots and importances take it as it is.
    print(f"{len(sweep.study.trials)} trials, the best with {sweep.study.best_params}")

    print(sweep.best.generate(n=1, temperature=0.8)[0].abc)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "two", sys.argv[2:])
