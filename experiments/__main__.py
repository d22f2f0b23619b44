"""Redo the report's studies and write their folders: python -m experiments path=input.txt

Finished studies are kept, and stopped ones are resumed.

    path=<file>            the 2018 report's corpus, a text of `<start>`...`<end>` tunes
    names=[hidden,best]    folders of experiments/, in this order; left out: those of studies.yaml
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from experiments import study
from experiments.commands import run
from musicgen import Config, Sweep
from musicgen.cli.ending import ending
from musicgen.config.overrides import as_override
from musicgen.errors import InputError, Interrupted

OURS = Path(__file__).parent
EXPERIMENTS = Path("experiments")
SWEEPS = Path("runs/sweeps")
SEARCH = SWEEPS / "best"
"""The search whose best network other studies train on, let write tunes, and look into."""
PAGE_BYTES = 5_000_000
TEMPERATURES = "temperature=[0.3,0.5,1,2]"


@dataclass
class Studies:
    """The configuration of the program; studies.yaml explains each key."""

    path: str | None = MISSING
    names: list[str] = MISSING


def asked(words: Sequence[str]) -> Studies:
    """The configuration from studies.yaml and the typed words. Raises InputError."""
    for word in words:
        if "=" not in word:
            raise InputError(f"arguments are path=<file> and names=[...], got {word}; see --help")
    try:
        typed = OmegaConf.from_dotlist(list(words))
        assert isinstance(typed, DictConfig)
        names = typed.get("names", [])
        if isinstance(names, str):
            typed["names"] = [names]
        elif not isinstance(names, list | ListConfig):
            raise InputError(f"names must be a list of folders, got {names}; say names=[hidden]")
        values = OmegaConf.merge(
            OmegaConf.structured(Studies),
            OmegaConf.load(OURS / "studies.yaml"),
            typed,
        )
        found = OmegaConf.to_object(values)
    except YAMLError as error:
        raise InputError(f"{' '.join(words)} can't be read ({_line(error)}); see --help") from None
    except (OmegaConfBaseException, ValueError) as error:
        raise InputError(f"{_line(error)}; keys are path=<file> and names=[...]") from None
    assert isinstance(found, Studies)
    return found


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]


def main(studies: Studies) -> None:
    """Run the studies. Raises InputError before anything is made, Interrupted after Ctrl-C."""
    origins = [_origin(name) for name in studies.names]
    # A missing corpus is reported here, before the first study, which may run for an hour.
    given = [_corpus(origin, studies.path) for origin in origins]
    try:
        for origin, corpus in zip(origins, given, strict=True):
            _study(_own(origin), corpus)
    except KeyboardInterrupt:  # Ctrl-C came between two commands
        raise Interrupted("stopped; the same command goes on") from None


def _origin(name: str) -> Path:
    """The study's folder in the current folder's experiments/; if there is none, the one here."""
    own, here = EXPERIMENTS / name, OURS / name
    if own.exists() and not (own / "README.md").is_file():
        raise InputError(
            f"{own} must have a README.md for its results, got none; write one, or move the folder"
        )
    if not own.exists() and not (here / "README.md").is_file():
        known = sorted(path.parent.name for path in OURS.glob("*/README.md"))
        raise InputError(f"names must be of {', '.join(known)}, got {name}")
    return own if own.exists() else here


def _own(origin: Path) -> Path:
    """The study's folder in the current folder's experiments/; ours is copied there, so that it can
    be written."""
    folder = EXPERIMENTS / origin.name
    if not folder.exists():
        shutil.copytree(origin, folder)
    return folder


def _corpus(folder: Path, path: str | None) -> list[str]:
    """The overrides that tell a study's sweep where the report's corpus is; empty if the study does
    not read that corpus."""
    if not (folder / "experiment.yaml").exists():
        return []
    given = f"data.path={as_override(path or 'input.txt')}"
    # Without what it sweeps, an experiment is the configuration of one training.
    config = Config.compose(f"experiment={folder.name}", "hydra.sweeper.params=null", given)
    if not config.data.reads_path:
        return []
    if not path:  # `make studies` without TUNES gives an empty path
        raise InputError(
            f"path must be the report's corpus for {folder.name}; add path=<input.txt>"
        )
    if not Path(path).is_file():
        raise InputError(f"path must be a file, got {path}, which is none; add path=<input.txt>")
    return [given]


def _study(folder: Path, corpus: list[str]) -> None:
    """Run or resume a study, and write its folder."""
    if (folder / "experiment.yaml").exists():
        found = _winner() if folder.name == "whole_data" else []
        run("train", "-m", f"experiment={folder.name}", *corpus, *found)
        study.write(folder, SWEEPS / folder.name)
    match folder.name:
        case "dropout":
            for number, value in enumerate(("0.0", "0.1", "0.2", "0.3")):
                trained = SWEEPS / "dropout" / str(number) / "seed0"
                _tunes(trained, folder / "tunes" / value, "n=1", "temperature=1")
        case "best":
            _attach_page(folder)
        case "temperature":
            _tunes(SEARCH, folder / "tunes", "n=2", TEMPERATURES)
            for constrain in ("off", "bars"):
                out = Path("runs/studies/temperature") / constrain
                run("generate", f"run={SEARCH}", f"out={out}", "n=100", TEMPERATURES,
                    f"constrain={constrain}", "formats=[abc]")  # fmt: skip
                shutil.copyfile(out / "measures.csv", folder / f"measures_{constrain}.csv")
        case "heatmap":
            run("heatmap", f"run={SEARCH}", f"out={folder}")


def _winner() -> list[str]:
    """The best configuration of the search, as overrides."""
    try:
        return Sweep(SEARCH).best_overrides
    except InputError as error:
        raise InputError(f"whole_data trains the winner of best; {error}") from None


def _attach_page(folder: Path) -> None:
    """Copy the search's page to its study's folder, unless it is too large for a repository."""
    page, kept = SEARCH / "report.html", folder / "report.html"
    if page.is_file() and page.stat().st_size < PAGE_BYTES:
        shutil.copyfile(page, kept)
    else:
        kept.unlink(missing_ok=True)  # the page belongs to an older search


def _tunes(trained: Path, out: Path, *options: str) -> None:
    run("generate", f"run={trained}", f"out={out}", *options, "formats=[abc,svg]")


def entry() -> None:
    """Run the program. An error ends it with the error's exit code and its one line on stderr."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__, end="")
        return
    with ending():
        main(asked(sys.argv[1:]))


if __name__ == "__main__":
    entry()
