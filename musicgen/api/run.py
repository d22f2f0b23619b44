"""One trained network: its folder, its results, and the tunes that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.api.notebook import guarded, html_table, interrupt, torch_as_it_was
from musicgen.errors import InputError
from musicgen.training import packaged
from musicgen.training.folder import RunFolder
from musicgen.training.result import Result, metrics_frame

if TYPE_CHECKING:
    import pandas as pd

    from musicgen.api.config import Config
    from musicgen.api.generated import GeneratedTune


class Run:
    """The folder of a training: its configuration, its results, and the tunes of its network."""

    folder: Path
    """The absolute path of the folder. It holds config.yaml, metrics.csv, result.json, checkpoints/
    and TensorBoard's event files."""
    checkpoint: Path
    """The file of the weights that `generate` reads. It may be missing if the training was stopped
    early."""

    def __init__(self, place: str | Path) -> None:
        """Find a run.

        place: a run folder, a checkpoint (.safetensors) in one, a sweep's folder, which stands for
            its best run, or "folk", the network that the package carries.
        Raises InputError if nothing was trained there.
        """
        found = packaged.folder(str(place)) or Path(place).expanduser().absolute()
        if not RunFolder(found).used:
            from musicgen.workflows import runs  # also imports the tables of sweeps, and Optuna

            with guarded("nothing was read"):
                found = runs.find(str(found))
        self.folder = found.parent.parent if found.is_file() else found
        self.checkpoint = found if found.is_file() else RunFolder(found).best

    @classmethod
    def train(cls, *overrides: str, folder: str | Path | None = None) -> Run:
        """Train a network, as `python -m musicgen.train <overrides>` does, bit for bit.

        overrides: such as "model.hidden=64", "optim=adagrad"; "resume=<folder>" goes on with a
            training that was stopped.
        folder: the folder of the run; None: runs/<date>/<time>.

        The call shows its progress. Ctrl-C (a notebook's stop button) stops the training at a
        checkpoint. Raises InputError before anything is written, RunError if the training fails or
        diverges, Interrupted after Ctrl-C. After RunError and Interrupted the folder exists.
        """
        # Hydra, PyTorch and Lightning take seconds to import.
        from musicgen.cli import python_call
        from musicgen.cli import train as command
        from musicgen.config.keys import TrainConfig
        from musicgen.config.overrides import as_override
        from musicgen.config.registry import naming_plugins
        from musicgen.system.paths import display_path

        words = list(overrides)
        if folder is not None:
            words.append(f"hydra.run.dir={as_override(str(folder))}")
        with guarded("nothing was trained"):
            made = python_call.one("train", TrainConfig, words)
            resume = f"resume={as_override(display_path(made.folder))}"
            again = f"to go on: Run.train({', '.join(map(repr, [resume, *naming_plugins()]))})"
        with guarded(again), torch_as_it_was():
            command.train(
                made.asked,
                made.overrides,
                made.folder,
                again,
                command=[*command.COMMAND, *made.given.shown_words],
                at_once=interrupt,
            )
        return cls(made.folder)

    @property
    def config(self) -> Config:
        """The configuration of the run. Raises InputError if config.yaml can't be read."""
        from musicgen.api.config import Config

        return Config.load(RunFolder(self.folder).config)

    @property
    def result(self) -> Result:
        """The results of the run; losses in nats per character, accuracies from 0 to 1.

        Raises InputError if the training has not ended.
        """
        return Result.read(RunFolder(self.folder).result)

    @property
    def metrics(self) -> pd.DataFrame:
        """A row for each finished epoch: epoch (from 1), train_loss, val_loss (nats per character),
        train_accuracy, val_accuracy (0 to 1), lr, seconds, and more.

        Raises InputError before the end of the first epoch.
        """
        return metrics_frame(RunFolder(self.folder).metrics)

    def generate(
        self,
        *overrides: str,
        n: int | None = None,
        temperature: float | Sequence[float] | None = None,
        out: str | Path | None = None,
        **settings: Any,
    ) -> list[GeneratedTune]:
        """Let the network write tunes, as `python -m musicgen.generate run=<folder>` does.

        n: the number of tunes at each temperature.
        temperature: one or several temperatures (>= 0). A higher one gives less likely characters;
            0 takes the likeliest character each time.
        out: a folder to which each tune is written as files, as the command does; None: no tune is
            written to disk.
        settings: any other key of the command, such as seed=7, constrain="off", prime="X:1...",
            header={"key": "G"}. A key that is left out has the command's default.
        overrides: the same keys, as on the command line.

        Returns the tunes sorted by temperature, then by number. A tune depends on seed, number and
        temperature, and not on the tunes drawn before it.
        Raises InputError for an unknown key or a value that is not allowed, Interrupted after
        Ctrl-C.
        """
        from musicgen.api.generated import GeneratedTune
        from musicgen.cli import python_call
        from musicgen.config.keys import GenerateConfig
        from musicgen.config.overrides import as_override, flatten

        place = self.checkpoint if self.checkpoint.is_file() else self.folder
        given = {"n": n, "temperature": temperature, "out": out and str(out), **settings}
        words = [f"{k}={as_override(v)}" for k, v in flatten(given).items() if v is not None]
        if out is None:
            words.append("formats=[abc]")
        with guarded("nothing was written"):
            made = python_call.one(
                "generate", GenerateConfig, [f"run={as_override(str(place))}", *words, *overrides]
            )
            # PyTorch takes seconds to import, so it is imported after the configuration is checked.
            from musicgen.workflows import generate

            with torch_as_it_was():
                if made.asked.out is None:
                    drawing = generate.drawn(made.asked, generate.Watcher())
                else:
                    from musicgen.cli.tune_display import TuneDisplay

                    with TuneDisplay() as display:
                        drawing = generate.run(made.asked, display)
        return [
            GeneratedTune(tune, asdict(drawing.recipes.of(tune)), made.asked.accompaniment)
            for tune in drawing.tunes
        ]

    def __repr__(self) -> str:
        figures = ", ".join(f"{name} {value}" for name, value in self._figures().items())
        return f"Run({str(self.folder)!r}): {figures}"

    def _repr_html_(self) -> str:
        return html_table(str(self.folder), self._figures())

    def _figures(self) -> dict[str, object]:
        try:
            result = self.result
        except InputError:
            return {"status": "not ended"}
        loss = None if result.val_loss is None else f"{result.val_loss:.4f}"
        return {"status": result.status, "val_loss": loss, "epochs": result.epochs}
