"""Every key of the configuration: its type, its unit, its bounds. Values live in conf/*.yaml."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING


def key(
    doc: str,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: tuple[str, ...] = (),
    duration: bool = False,
    default: Any = MISSING,
) -> Any:
    """A field of the configuration: one line on what it is and its unit, and its bounds.

    duration: text such as 2h, 30m or a number of seconds.
    """
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    metadata = {"doc": doc, "bounds": bounds, "choices": choices, "duration": duration}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass
class DataConfig:
    name: str = key("Corpus", choices=("folk", "cse253", "files"))
    path: str | None = key("ABC file, folder or glob, `<start>`...`<end>` text, The Session's dump")
    validation_path: str | None = key("Validation tunes, where data.split=files")
    test_path: str | None = key("Test tunes, where data.split=files")
    root: str = key("Folder for prepared corpora")
    split: str = key(
        "tunes: by tune, seeded; contiguous: the last part of the text validates; "
        "files: validation_path and test_path",
        choices=("tunes", "contiguous", "files"),
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
        choices=("end", "allow"),
        default="end",
    )


@dataclass
class ModelConfig:
    cell: str = key("Recurrent cell", choices=("lstm", "gru", "rnn"))
    hidden: int = key("Units per layer", ge=1)
    layers: int = key("Recurrent layers", ge=1)
    dropout: float = key(
        "Share of inputs of each layer and of the head that is dropped", ge=0, lt=1
    )
    embedding: int = key("Size of the character embedding; 0: one-hot", ge=0)
    layer_norm: bool = key("Normalise the output of each layer")
    tie_weights: bool = key("Share the embedding with the head; needs embedding=hidden")
    match: int = key(
        "Told what followed the longest match of the last characters in the tune so far: "
        "least length, characters; 0: not told",
        ge=0,
        le=16,
        default=0,
    )
    melody: int = key(
        "The same over melodic steps, which finds transposed phrases; 0: not told",
        ge=0,
        le=16,
        default=0,
    )
    place: bool = key(
        "Told what is left of the bar, how many bars and parts there are, and how earlier bars "
        "that began alike went on",
        default=False,
    )


@dataclass
class OptimConfig:
    name: str = key("Optimizer")
    lr: float = key("Step size", gt=0)
    weight_decay: float = key("Weight decay", ge=0)


@dataclass
class AdagradConfig(OptimConfig):
    eps: float = key("Added to the root of the summed squares", gt=0)
    lr_decay: float = key("Step size divided by 1 + steps x lr_decay", ge=0)


@dataclass
class AdamConfig(OptimConfig):
    betas: tuple[float, float] = key("Decay of the running gradient and its square", ge=0, lt=1)
    eps: float = key("Added to the root of the running square", gt=0)


@dataclass
class AdamWConfig(AdamConfig):
    pass


@dataclass
class NAdamConfig(AdamConfig):
    pass


@dataclass
class RMSpropConfig(OptimConfig):
    alpha: float = key("Decay of the running square", ge=0, lt=1)
    eps: float = key("Added to the root of the running square", gt=0)
    momentum: float = key("Decay of the running step", ge=0, lt=1)


@dataclass
class SGDConfig(OptimConfig):
    momentum: float = key("Decay of the running step", ge=0, lt=1)
    nesterov: bool = key("Nesterov's look-ahead; needs momentum above 0")


@dataclass
class ScheduleConfig:
    name: str = key("Course of the learning rate")


@dataclass
class ConstantConfig(ScheduleConfig):
    pass


@dataclass
class CosineConfig(ScheduleConfig):
    warmup: float = key("Share of the steps in which lr rises from 0", ge=0, lt=1)
    final: float = key("lr at the last step, as a share of optim.lr", ge=0, le=1)


@dataclass
class OneCycleConfig(ScheduleConfig):
    warmup: float = key("Share of the steps in which lr rises", gt=0, lt=1)
    initial: float = key("lr at the first step, as a share of optim.lr", gt=0, le=1)
    final: float = key("lr at the last step, as a share of optim.lr", ge=0, le=1)


@dataclass
class PlateauConfig(ScheduleConfig):
    factor: float = key("lr is multiplied by this when val_loss stands still", gt=0, lt=1)
    patience: int = key("Epochs without a lower val_loss that lr waits; the next lowers it", ge=0)


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
    # Runs of before there were these three keys go on without them.
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
    seeds: int = key("Runs of each configuration; the first decides pruning", ge=1)
    timeout: str | None = key(
        "Time after which no trial begins and all stop at checkpoints (2h, 30m, seconds)",
        duration=True,
    )
    keep: str = key("How many of the best runs keep their last checkpoint at the end; all: all")
    objective: Any = key("Result to judge by; a list of several needs sampler=nsgaii, pruner=none")
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
class SamplerConfig:
    name: str = key("Who proposes configurations")


@dataclass
class GridConfig(SamplerConfig):
    pass


@dataclass
class RandomConfig(SamplerConfig):
    pass


@dataclass
class TPEConfig(SamplerConfig):
    n_startup_trials: int = key("Configurations drawn at random first", ge=0)
    multivariate: bool = key("Model the keys together")


@dataclass
class GPConfig(SamplerConfig):
    n_startup_trials: int = key("Configurations drawn at random first", ge=0)


@dataclass
class NSGAIIConfig(SamplerConfig):
    population_size: int = key("Configurations in a generation", ge=2)


@dataclass
class PrunerConfig:
    name: str = key("Who cuts configurations short")


@dataclass
class NoPrunerConfig(PrunerConfig):
    pass


@dataclass
class MedianConfig(PrunerConfig):
    n_startup_trials: int = key("Configurations that run to their end first", ge=0)
    n_warmup_steps: int = key("Epochs in which nothing is pruned", ge=0)


@dataclass
class AshaConfig(PrunerConfig):
    min_resource: int = key("Epochs before the first decision", ge=1)
    reduction_factor: int = key("The best 1/n of a rung go on to n times its epochs", ge=2)


@dataclass
class HyperbandConfig(AshaConfig):
    max_resource: int = key("Epochs of a whole training", ge=1)


@dataclass
class Config:
    """Everything a training run depends on."""

    data: DataConfig = MISSING
    model: ModelConfig = MISSING
    optim: OptimConfig = MISSING
    schedule: ScheduleConfig = MISSING
    trainer: TrainerConfig = MISSING
    early_stopping: EarlyStoppingConfig = MISSING
    samples: SamplesConfig = MISSING
    seed: int = key("Seed of weights, dropout and order of the slices", ge=0)


@dataclass
class TrainConfig(Config):
    """What `python -m musicgen.train` takes."""

    resume: str | None = key("Run folder to go on with")
    report: bool = key("Write a page with all results, report.html, at a sweep's end")
    sweep: SweepConfig = MISSING
    sampler: SamplerConfig = MISSING
    pruner: PrunerConfig = MISSING


FORMATS = ("abc", "mid", "svg", "png", "wav", "musicxml", "mei")


@dataclass
class HeaderConfig:
    """Fields of a tune's header that are given; null: the network's own."""

    title: str | None = key("T:, its title")
    rhythm: str | None = key("R:, such as jig, reel or waltz")
    meter: str | None = key("M:, such as 6/8 or C|")
    unit: str | None = key("L:, unit note length such as 1/8")
    tempo: str | None = key("Q:, such as 3/8=116; a number alone counts the meter's beats")
    key: str | None = key("K:, such as G or Ador")


@dataclass
class GenerateConfig:
    """What `python -m musicgen.generate` takes."""

    run: str = key("Run folder, checkpoint file, or a sweep's folder (its best run)")
    n: int = key("Tunes at each temperature", ge=1)
    first: int = key("Number of the first of them: a tune hangs on seed, number, temperature", ge=1)
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
    formats: list[str] = key("Files of each tune", choices=FORMATS)
    out: str | None = key("Folder for the tunes; null: tunes/ in the run folder")


@dataclass
class TempoConfig:
    """Fields of the header of a tune that is converted; null: its own."""

    tempo: str | None = key("Q:, such as 3/8=116; a number alone counts the meter's beats")


@dataclass
class ConvertConfig:
    """What `python -m musicgen.convert` takes."""

    files: list[str] = key("Files of tunes in ABC; they may be named without files=")
    formats: list[str] = key("Files of each tune", choices=FORMATS)
    transpose: str | None = key("Semitones, or a key to go to, such as A; null: as it stands")
    header: TempoConfig = MISSING
    accompaniment: bool = key("Bass and chords of chord symbols sound in MIDI and WAV")
    out: str | None = key("Folder for the files; null: where each tune's file is")


@dataclass
class HeatmapConfig:
    """What `python -m musicgen.heatmap` takes."""

    run: str = key("Run folder, checkpoint file, or a sweep's folder (its best run)")
    tune: str | None = key("File with the tune to draw; null: 1,000 characters of the network's")
    unit: int | None = key("A unit to draw beside the best ones", ge=0)
    layer: int | None = key("Its layer; null: the last", ge=1)
    state: str | None = key(
        "What of the units to score and draw; null: all that the network's cell has",
        choices=(
            "hidden",
            "cell",
            "input_gate",
            "forget_gate",
            "output_gate",
            "reset_gate",
            "update_gate",
            "candidate",
        ),
    )
    seed: int = key("Seed of the tune that the network writes", ge=0)
    out: str | None = key("Folder for tables and pictures; null: heatmap/ in the run folder")


OPTIMIZERS: dict[str, type[OptimConfig]] = {
    "adagrad": AdagradConfig,
    "adam": AdamConfig,
    "adamw": AdamWConfig,
    "nadam": NAdamConfig,
    "rmsprop": RMSpropConfig,
    "sgd": SGDConfig,
}
SCHEDULES: dict[str, type[ScheduleConfig]] = {
    "constant": ConstantConfig,
    "cosine": CosineConfig,
    "one_cycle": OneCycleConfig,
    "plateau": PlateauConfig,
}
SAMPLERS: dict[str, type[SamplerConfig]] = {
    "grid": GridConfig,
    "random": RandomConfig,
    "tpe": TPEConfig,
    "gp": GPConfig,
    "nsgaii": NSGAIIConfig,
}
PRUNERS: dict[str, type[PrunerConfig]] = {
    "none": NoPrunerConfig,
    "median": MedianConfig,
    "asha": AshaConfig,
    "hyperband": HyperbandConfig,
}
VARIANTS: dict[str, dict[str, type[Any]]] = {
    "optim": OPTIMIZERS,
    "schedule": SCHEDULES,
    "sampler": SAMPLERS,
    "pruner": PRUNERS,
}
"""Groups whose fields differ from choice to choice; `name` tells which."""

SCHEMAS: dict[str, type[Any]] = {
    "data": DataConfig,
    "model": ModelConfig,
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
}
"""What each command takes."""
