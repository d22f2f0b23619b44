"""Train a small network, look at its figures, and let it write tunes.

    python examples/first_steps.py runs/first data=files data.path=my_tunes.abc

Takes a folder for the run, then any overrides of `python -m musicgen.train`.
"""

import sys
from pathlib import Path

from musicgen import Run


def main(folder: Path, overrides: list[str]) -> None:
    """Train into `folder`, and write one tune as score and sound beside the run."""
    run = Run.train("model.hidden=64", "optim=adagrad", *overrides, folder=folder)

    print(f"validation loss {run.result.val_loss:.3f} nats per character")
    print(run.metrics[["epoch", "train_loss", "val_loss"]].to_string(index=False))

    tunes = run.generate(n=3, temperature=0.8)
    for tune in tunes:
        print(f"\n{tune.name}: {tune.tune.bars} bars, {tune.tune.notes} notes\n{tune.abc}")

    best = max(tunes, key=lambda tune: tune.tune.notes)
    (folder / "tune.svg").write_bytes(best.svg)
    (folder / "tune.wav").write_bytes(best.wav)
    print(f"{folder} holds tune.svg and tune.wav")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/first"), sys.argv[2:])
