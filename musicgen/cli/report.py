"""The command that writes a page for runs and sweeps: its arguments, and how it ends."""

import sys
from pathlib import Path

from musicgen.cli.ending import ending
from musicgen.errors import InputError, RunError

USAGE = """\
One page to read, see and hear a run, a sweep, or several of them side by side.

    python -m musicgen.report <folder> [<folder> ...] [out=<folder>] [plugins=[<module>]]

<folder>  of a run or of a sweep, such as runs/sweeps/dropout; it may still be running
out       where report.html, table.tex and curves.pdf go, with table.csv, table.md, curves.png and
          curves.svg; the folder itself if there is one, runs/report if there are several
plugins   modules that the networks' components come from; the page lets networks write tunes
"""


def main(arguments: list[str]) -> Path:
    """Write the report and return the page's path. Raises InputError."""
    folders, plugins, out = [], list[str](), None
    for argument in arguments:
        if argument.startswith("out="):
            out = Path(argument.removeprefix("out="))
        elif argument.startswith("plugins="):
            plugins.append(argument)
        elif argument.startswith("-"):
            raise InputError(f"there is no flag {argument}; see --help")
        else:
            folders.append(Path(argument))
    if not folders:
        raise InputError("a report needs the folder of a run or of a sweep, got none; see --help")
    # pandas, matplotlib and Optuna take a second to import: only now.
    from musicgen.config.composition import use_plugins
    from musicgen.workflows.report import write

    use_plugins(plugins)
    return write(folders, out)


def entry() -> None:
    """Run the console script: print the page's path, or the error, and exit with its code."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(USAGE, end="")
        return
    with ending("stopped; nothing was written"):
        try:
            print(f"report: {main(sys.argv[1:])}")
        except OSError as error:
            raise RunError(
                f"{error.strerror} ({error.filename}); choose another folder with out=<folder>"
            ) from error
