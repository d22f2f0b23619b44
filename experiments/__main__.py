"""Redo the report's studies and write their folders: python -m experiments path=input.txt

What is finished stays, what was stopped goes on.

    path=<file>            the 2018 report's corpus, a text of `<start>`...`<end>` tunes
    names=[hidden,best]    folders of experiments/, in this order; left out: those of studies.yaml
"""

import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments import study
from experiments.commands import run
from musicgen.errors import InputError, Interrupted, MusicgenError
from musicgen.report.about import swept_values
from musicgen.report.source import read

OURS = Path(__file__).parent
EXPERIMENTS = Path("experiments")
SWEEPS = Path("runs/sweeps")
SEARCH = SWEEPS / "best"
"""The search whose winner other studies train on, let write and look into."""
PAGE_BYTES = 5_000_000
TEMPERATURES = "temperature=[0.3,0.5,1,2]"


@dataclass
class Studies:
    """What is asked for; studies.yaml says what each key is."""

    path: str | None = MISSING
    names: list[str] = MISSING


def asked(words: Sequence[str]) -> Studies:
    """studies.yaml, and what was typed. Raises InputError."""
    for word in words:
        if "=" not in word:
            raise InputError(f"arguments are path=<file> and names=[...], got {word}; see --help")
    try:
        values = OmegaConf.merge(
            OmegaConf.structured(Studies),
            OmegaConf.load(OURS / "studies.yaml"),
            OmegaConf.from_dotlist(list(words)),
        )
        found = OmegaConf.to_object(values)
    except (OmegaConfBaseException, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{reason}; keys are path=<file> and names=[...]") from None
    assert isinstance(found, Studies)
    return found


def main(studies: Studies) -> None:
    """Raises InputError before anything is made, Interrupted after Ctrl-C."""
    origins = [_origin(name) for name in studies.names]
    # What is missing is said before anything is made, and not when others have run for an hour.
    given = [_corpus(origin, studies.path) for origin in origins]
    try:
        for origin, corpus in zip(origins, given, strict=True):
            _study(_own(origin), corpus)
    except KeyboardInterrupt:  # between two commands
        raise Interrupted("stopped; the same command goes on") from None


def _origin(name: str) -> Path:
    """The study's folder below the current one, else the one that is here."""
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
    """The study's folder below the current one; one of ours is copied there to be written."""
    folder = EXPERIMENTS / origin.name
    if not folder.exists():
        shutil.copytree(origin, folder)
    return folder


def _corpus(folder: Path, path: str | None) -> list[str]:
    """What tells a study's sweep where the report's corpus is, if it reads that."""
    experiment = folder / "experiment.yaml"
    if not experiment.exists():
        return []
    if not re.search(r"override /data: (cse253|files)", experiment.read_text()):
        return []
    if not path:  # as `make studies` without TUNES has it
        raise InputError(
            f"path must be the report's corpus for {folder.name}; add path=<input.txt>"
        )
    return [f"data.path={path}"]


def _study(folder: Path, corpus: list[str]) -> None:
    """Run what a study is made of, or what is left of it, and write its folder."""
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
    """The best configuration that was found, as overrides."""
    try:
        source = read(SEARCH)
    except InputError as error:
        raise InputError(f"whole_data trains the winner of best; {error}") from None
    return swept_values(source, source.rows[0])


def _attach_page(folder: Path) -> None:
    """Keep the search's page in its study's folder, unless it would weigh a repository down."""
    page, kept = SEARCH / "report.html", folder / "report.html"
    if page.is_file() and page.stat().st_size < PAGE_BYTES:
        shutil.copyfile(page, kept)
    else:
        kept.unlink(missing_ok=True)  # it is of an older search


def _tunes(trained: Path, out: Path, *options: str) -> None:
    run("generate", f"run={trained}", f"out={out}", *options, "formats=[abc,svg]")


def entry() -> None:
    """Ends the process with an error's exit code and its one line on stderr."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__, end="")
        return
    try:
        main(asked(sys.argv[1:]))
    except MusicgenError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("error: stopped before the work began", file=sys.stderr)
        sys.exit(Interrupted.exit_code)


if __name__ == "__main__":
    entry()
