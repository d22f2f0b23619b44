"""Advice in the words of the command line, for errors of packages that do not know commands."""

from musicgen.errors import MusicgenError, Remedy

WORDS = {
    Remedy.NO_CONSTRAINT: "use constrain=off",
    Remedy.CONTIGUOUS_SPLIT: "use data.split=contiguous",
    Remedy.OWN_FILES: "use data=files data.path=<your tunes>",
    Remedy.READ_OVER_BLANK_LINES: "read on with data.blank_lines=allow",
    Remedy.WAIT_OR_OTHER_RUN_FOLDER: "wait for it or choose another folder with "
    "hydra.run.dir=<folder>",
    Remedy.RESUME_OR_OTHER_RUN_FOLDER: "go on with it (resume=<that folder>) or choose another "
    "folder with hydra.run.dir=<folder>",
    Remedy.OTHER_RUN_FOLDER: "choose another with hydra.run.dir=<folder>",
    Remedy.OTHER_SWEEP_FOLDER: "choose one with hydra.sweep.dir=<folder>",
    Remedy.ANY_FAILURES_IN_A_ROW: "go on whatever fails with sweep.max_failures_in_a_row=null",
    Remedy.LIST_FOLDERS: "`ls -d runs/*/* runs/sweeps/*` shows what there is",
}


def with_advice(error: MusicgenError) -> str:
    """An error's line with advice. It follows other advice, if the line has some, after `or`."""
    if error.remedy is None:
        return str(error)
    return f"{error}{', or' if '; ' in str(error) else ';'} {WORDS[error.remedy]}"
