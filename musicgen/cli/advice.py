"""Advice in the words of the command line, for errors of packages that do not know commands.

A door has a table of words, one for each remedy: here those of our own commands, and of other Hydra
applications with our sweeper. Python's are in `api/advice.py`.
"""

from collections.abc import Mapping

from musicgen.errors import MusicgenError, Remedy

Words = Mapping[Remedy, str]

COMMAND: Words = {
    Remedy.NO_CONSTRAINT: "use constrain=off",
    Remedy.TUNES_WITH_NOTES: "use constrain=bars, a network that was trained longer, or "
    "formats=[abc]",
    Remedy.CONTIGUOUS_SPLIT: "use data.split=contiguous",
    Remedy.OWN_FILES: "use data=files data.path=<your tunes>",
    Remedy.OWN_SPLIT: "use data=files data.split=files",
    Remedy.READ_OVER_BLANK_LINES: "read on with data.blank_lines=allow",
    Remedy.WAIT_OR_OTHER_RUN_FOLDER: "wait for it or choose another folder with "
    "hydra.run.dir=<folder>",
    Remedy.RESUME_OR_OTHER_RUN_FOLDER: "go on with it (resume=<that folder>) or choose another "
    "folder with hydra.run.dir=<folder>",
    Remedy.OTHER_RUN_FOLDER: "choose another with hydra.run.dir=<folder>",
    Remedy.SHARED_SWEEP_FOLDER: "choose one with hydra.sweep.dir=<folder>",
    Remedy.OTHER_SWEEP: "give this sweep another name with sweep.name=<name>",
    Remedy.NO_GPU: "use trainer=cpu or trainer=auto",
    Remedy.ANY_FAILURES_IN_A_ROW: "go on whatever fails with sweep.max_failures_in_a_row=null",
    Remedy.LIST_FOLDERS: "`ls -d runs/*/* runs/sweeps/*` shows what there is",
}
APPLICATION: Words = {
    **COMMAND,
    Remedy.SHARED_SWEEP_FOLDER: "choose one with hydra.sweeper.folder=<folder>",
    Remedy.OTHER_SWEEP: "give this sweep another folder with hydra.sweeper.folder=<folder>",
    Remedy.NO_GPU: "use hydra.sweeper.gpus=false",
    Remedy.ANY_FAILURES_IN_A_ROW: "go on whatever fails with "
    "hydra.sweeper.max_failures_in_a_row=null",
}


def with_advice(error: MusicgenError, words: Words = COMMAND) -> str:
    """An error's line with advice. It follows other advice, if the line has some, after `or`."""
    if error.remedy is None:
        return str(error)
    return f"{error}{', or' if '; ' in str(error) else ';'} {words[error.remedy]}"
