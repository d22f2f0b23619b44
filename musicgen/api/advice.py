"""Advice in the words of Python, for errors of packages that do not know who calls them."""

from musicgen.cli.advice import COMMAND, Words
from musicgen.errors import Remedy

PYTHON: Words = {
    **COMMAND,  # the overrides of Run.train, Run.generate and Sweep.start are the command's own
    Remedy.WAIT_OR_OTHER_RUN_FOLDER: "wait for it or choose another with folder=",
    Remedy.RESUME_OR_OTHER_RUN_FOLDER: 'go on with it (Run.train("resume=<that folder>")) or '
    "choose another with folder=",
    Remedy.OTHER_RUN_FOLDER: "choose another with folder=",
    Remedy.SHARED_SWEEP_FOLDER: "choose one with folder=, or hydra.sweep.dir=<folder> in "
    "Sweep.start",
    Remedy.OTHER_SWEEP: "give this sweep another name= or folder=",
    Remedy.ANY_FAILURES_IN_A_ROW: "go on whatever fails with max_failures_in_a_row=None, or "
    "sweep.max_failures_in_a_row=null in Sweep.start",
    Remedy.LIST_FOLDERS: "the folders below runs/ are what there is",
}
