"""Small tunes and small configurations for tests."""

import random
from functools import cache
from pathlib import Path

from hydra import compose, initialize_config_dir

from musicgen.config import composition
from musicgen.config.keys import TrainConfig
from musicgen.system.paths import shipped

ROOT = Path(__file__).parent.parent


def tunes(n: int, seed: int = 0) -> str:
    """n tunes of 8 bars as `<start>`...`<end>` text, about 110 characters each."""
    draw = random.Random(seed)
    made = []
    for number in range(n):
        bars = ["".join(draw.choices("CDEFGABcde", k=8)) for _ in range(8)]
        body = "|".join(bars[:4]) + "|\n" + "|".join(bars[4:]) + "|]"
        made.append(
            f"<start>\nX:{number + 1}\nT:Tune {number + 1}\nM:4/4\nL:1/8\nK:C\n{body}\n<end>\n"
        )
    return "".join(made)


@cache
def _registered() -> None:
    composition.register()


def composed(*overrides: str) -> TrainConfig:
    """What `python -m musicgen.train` would be given."""
    _registered()
    with initialize_config_dir(str(shipped("conf")), version_base=None):
        return composition.checked(compose("train", list(overrides)), TrainConfig)


SMALL = (
    "report=false",
    "model.hidden=8",
    "data.batch_size=4",
    "data.seq_len=20",
    "trainer=cpu",
    "trainer.threads=1",
    "trainer.precision=fp32",
    "trainer.max_epochs=3",
    "samples.max_chars=20",
    "samples.measure=false",
    "samples.media=false",
    "early_stopping.patience=0",
)


def small(folder: Path, *overrides: str, n: int = 30) -> list[str]:
    """Overrides that train a network of 8 units on n small tunes kept below `folder`."""
    path = folder / "tunes.txt"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(tunes(n))
    corpus = ["data=files", f"data.path={path}", f"data.root={folder / 'data'}"]
    return [*corpus, "data.split=contiguous", *SMALL, *overrides]
