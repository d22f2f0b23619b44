"""Every key of the configuration: its type, its unit, its bounds. Values are in conf/*.yaml."""

from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING

from musicgen.config.components import Cell, Optimizer, Pruner, Sampler, Schedule
from musicgen.config.field import key
from musicgen.config.registry import components

PLUGINS = "Modules to import first: their cells, optimizers, measures, ... can be named like ours"
PACKAGED = "folk"
"""The corpus that comes with an installed package; the others read `data.path`."""
RUN = "Run folder, checkpoint, sweep's folder (its best run), or folk: the package's network"
CORPORA = (PACKAGED, "cse253", "files")
SPLITS = ("tunes", "contiguous", "files")
BLANK_LINES = ("end", "allow")


@dataclass
class DataConfig:
    name: str = key("Corpus", choices=CORPORA)
    path: str | None = key("ABC file, folder or glob, `<start>`...`<end>` text, The Session's dump")
    validation_path: str | None = key("Validation tunes, where data.split=files")
    test_path: str | None = key("Test tunes, where data.split=files")
    root: str = key("Folder for prepared corpora")
    split: str = key(
        "tunes: by tune, seeded; contiguous: the last part of the text validates; "
        "files: validation_path and test_path",
        choices=SPLITS,
    )
    val_fraction: float = key("Share held out for validation", gt=0, lt=1)
    test_fraction: float = key("Share held out for the test at the end", ge=0, lt=1)
    split_seed: int = key("Seed of data.split=tunes", ge=0)
    batch_size: int = key("Slices per step; parallel streams where stateful", ge=1)
    seq_len: int = key(
        "Characters per training slice, the length of truncated back-propagation", ge=2
    )
    stateful: bool = key(
        "true: carry the state from slice to slice; false: shuffled slices from a zero state"
    )
    blank_lines: str = key(
        "In ABC files: end (a blank line ends its tune, as the standard has it) or "
        "allow (read on to the next X:)",
        choices=BLANK_LINES,
        default="end",
    )

    @property
    def reads_path(self) -> bool:
        """Whether the tunes are in files that `data.path` names."""
        return self.name != PACKAGED


@dataclass
class TrainerConfig:
    max_epochs: int = key("Passes over the training text", ge=1)
    accelerator: str = key("Where to train", choices=("auto", "cpu", "gpu"))
    precision: str = key(
        "auto: bf16 on a CPU that multiplies it, fp32 else; tf32: NVIDIA's, of 2020 or later",
        choices=("auto", "fp32", "tf32", "bf16"),
    )
    grad_clip: float = key("Largest norm of the gradient; 0: no clipping", ge=0)
    threads: int = key("Threads on the CPU; 0: all cores but one, four at most", ge=0)
    max_time: str | None = key(
        "Time after which a run ends as completed (2h, 30m, seconds); null: none",
        duration=True,
        default=None,
    )


@dataclass
class EarlyStoppingConfig:
    patience: int = key("Epochs without a lower val_loss before training stops; 0: never", ge=0)


@dataclass
class SamplesConfig:
    temperatures: list[float] = key("One tune is written at each; 0: the likeliest character", ge=0)
    max_chars: int = key("Length at which a tune is cut off (characters)", ge=1)
    # Defaults, so that older runs without these three keys load.
    every: int = key("Epochs from tunes to tunes in TensorBoard; 0: at the end", ge=0, default=0)
    media: bool = key("Their scores and sound too, and a hidden unit's heat map", default=False)
    measure: bool = key("Measure 100 more tunes, drawn at temperature 1", default=False)


@dataclass
class RayConfig:
    address: str | None = key("host:port of a cluster, or auto; null: one of this machine's cores")
    num_cpus: int = key("Cores of each worker", ge=1)
    num_gpus: float | None = key("GPUs of each worker; null: 1/sweep.trials_per_gpu, if any", ge=0)


@dataclass
class SweepConfig:
    name: str | None = key("Folder in hydra.sweep.dir; null: the experiment's name, else a digest")
    n_trials: int | None = key("Configurations in all; null: the whole grid", ge=1)
    enqueue: Any = key("Configurations to try first, [{optim.lr: 0.004}, ...]; the rest is as set")
    warm_start: str | None = key("Folder of another sweep whose finished trials inform tpe and gp")
    defaults_first: bool = key("Searches begin with the configuration as it is, if in the space")
    seeds: int = key("Runs of each configuration; the first decides pruning", ge=1)
    seeds_for: int | None = key(
        "How many configurations, the best by their first runs, get the other runs at the end of "
        "the search; null: all",
        ge=1,
    )
    timeout: str | None = key(
        "Time after which no trial begins and all stop at checkpoints (2h, 30m, seconds)",
        duration=True,
    )
    keep: str = key("How many of the best runs keep their last checkpoint at the end; all: all")
    objective: Any = key(
        "Result to judge by; a list of several needs pruner=none; nsgaii searches its front"
    )
    constraints: Any = key(
        'Bounds of results, ["seconds<=300"]; what breaks one is not the best (tpe, gp, nsgaii)'
    )
    executor: str = key("Where to train: this machine, or a Ray cluster", choices=("local", "ray"))
    ray: RayConfig = MISSING
    workers: str = key("Processes that train; auto: one per core, or per GPU")
    trials_per_gpu: int = key("Trainings that share a GPU, where workers=auto", ge=1)
    retries: int = key("How often a failed run is tried again, from its checkpoint", ge=0)
    max_failures: float | None = key(
        "Failures that end the sweep if exceeded; below 1: share", ge=0
    )
    max_failures_in_a_row: int | None = key(
        "Runs that fail one after another and end the sweep; null: any number", ge=1
    )
    retry_failed: bool = key("Start again: what failed before is tried again, once for each start")
    shelf: str | None = key("Folder of completed runs; one that is there is not trained again")
    storage: str | None = key("URL of a database for the study; null: a file in the sweep's folder")


@dataclass
class Config:
    """The configuration of a training run."""

    data: DataConfig = MISSING
    model: Cell = MISSING
    optim: Optimizer = MISSING
    schedule: Schedule = MISSING
    trainer: TrainerConfig = MISSING
    early_stopping: EarlyStoppingConfig = MISSING
    samples: SamplesConfig = MISSING
    seed: int = key("Seed of weights, dropout and order of the slices", ge=0)
    init: str | None = key(
        "Network to begin with: run folder, checkpoint, sweep's folder, or folk; null: none",
        default=None,
    )


@dataclass
class TrainConfig(Config):
    """The configuration of `python -m musicgen.train`."""

    resume: str | None = key("Run folder to go on with")
    report: bool = key("Write a page with all results, report.html, at a sweep's end")
    sweep: SweepConfig = MISSING
    sampler: Sampler = MISSING
    pruner: Pruner = MISSING
    plugins: list[str] = key(PLUGINS, default=[])


def _formats() -> tuple[str, ...]:
    return tuple(components("format"))


@dataclass
class HeaderConfig:
    """Fields of a tune's header that are given; null: the network writes them."""

    title: str | None = key("T:, its title")
    rhythm: str | None = key("R:, such as jig, reel or waltz")
    meter: str | None = key("M:, such as 6/8 or C|")
    unit: str | None = key("L:, unit note length such as 1/8")
    tempo: str | None = key("Q:, such as 3/8=116; a number alone counts the meter's beats")
    key: str | None = key("K:, such as G or Ador")


@dataclass
class GenerateConfig:
    """The configuration of `python -m musicgen.generate`."""

    run: str = key(RUN)
    n: int = key("Tunes at each temperature", ge=1)
    first: int = key("Number of the first tune; seed, number and temperature decide a tune", ge=1)
    temperature: Any = key("One or a list, each at least 0; 0: the likeliest character")
    max_chars: int = key("Length at which a tune is ended or cut off (characters)", ge=1)
    top_k: int = key("Only this many of the likeliest characters; 0: all", ge=0)
    top_p: float = key("Only the likeliest, just enough for this probability in sum", gt=0, le=1)
    min_p: float = key("Only those with this share of the likeliest's probability", ge=0, le=1)
    prime: str | None = key("ABC that each tune begins with: a file, or the text itself")
    header: HeaderConfig = MISSING
    constrain: str = key(
        "bars: well-formed, every bar fills its meter; syntax: well-formed; off: as it comes",
        choices=("off", "syntax", "bars"),
    )
    seed: int = key("Seed of the tunes", ge=0)
    transpose: str | None = key("Semitones, or a key to go to, such as A; null: as it was drawn")
    accompaniment: bool = key("Bass and chords of chord symbols sound in MIDI and WAV")
    formats: list[str] = key("Files of each tune", choices=_formats)
    out: str | None = key("Folder for the tunes; null: tunes/ in the run folder (folk: here)")
    plugins: list[str] = key(PLUGINS, default=[])


@dataclass
class TempoConfig:
    """Fields of a converted tune's header that are replaced; null: kept as they are."""

    tempo: str | None = key("Q:, such as 3/8=116; a number alone counts the meter's beats")


@dataclass
class ConvertConfig:
    """The configuration of `python -m musicgen.convert`."""

    files: list[str] = key("Files of tunes in ABC; they may be named without files=")
    formats: list[str] = key("Files of each tune", choices=_formats)
    transpose: str | None = key("Semitones, or a key to go to, such as A; null: as it stands")
    header: TempoConfig = MISSING
    accompaniment: bool = key("Bass and chords of chord symbols sound in MIDI and WAV")
    out: str | None = key("Folder for the files; null: where each tune's file is")
    plugins: list[str] = key(PLUGINS, default=[])


def _observable() -> tuple[str, ...]:
    """The observable states of all cells."""
    cells = components("cell").values()
    return tuple(dict.fromkeys(state for cell in cells for state in cell.observable))


@dataclass
class HeatmapConfig:
    """The configuration of `python -m musicgen.heatmap`."""

    run: str = key(RUN)
    tune: str | None = key("File with the tune to draw; null: 1,000 characters of the network's")
    unit: int | None = key("A unit to draw beside the best ones", ge=0)
    layer: int | None = key("Its layer; null: the last", ge=1)
    state: str | None = key(
        "What of the units to score and draw; null: all that the network's cell has",
        choices=_observable,
    )
    seed: int = key("Seed of the tune that the network writes", ge=0)
    out: str | None = key(
        "Folder for tables and pictures; null: heatmap/ in the run folder (folk: here)"
    )
    plugins: list[str] = key(PLUGINS, default=[])


PARTS = ("validation", "test", "train", "all")


@dataclass
class EvaluateConfig:
    """The configuration of `python -m musicgen.evaluate`."""

    run: Any = key(f"{RUN}; or a list, whose predictions are mixed")
    data: DataConfig = MISSING
    part: str = key("Text to score: a split of the corpus, or all of it", choices=PARTS)
    adapt: bool = key("Go on learning from what was scored (dynamic evaluation)")
    adapt_lr: float = key("Step size of that learning", gt=0)
    adapt_chars: int = key("Characters that are scored before each step of it", ge=1)
    out: str | None = key("Folder for the tables; null: evaluation/ in the run folder (folk: here)")
    plugins: list[str] = key(PLUGINS, default=[])


SCHEMAS: dict[str, type[Any]] = {
    "data": DataConfig,
    "model": Cell,
    "trainer": TrainerConfig,
    "early_stopping": EarlyStoppingConfig,
    "samples": SamplesConfig,
    "sweep": SweepConfig,
    "header": HeaderConfig,
    "tempo": TempoConfig,
}

COMMANDS: dict[str, type[Any]] = {
    "train": TrainConfig,
    "generate": GenerateConfig,
    "convert": ConvertConfig,
    "heatmap": HeatmapConfig,
    "evaluate": EvaluateConfig,
}
"""The class of each command's configuration, by the command's name."""
