"""Ways out in the words of a command line, for errors of rooms that know no command."""

from musicgen.errors import InputError, MusicgenError, Remedy

WORDS = {
    Remedy.NO_CONSTRAINT: "use constrain=off",
    Remedy.CONTIGUOUS_SPLIT: "use data.split=contiguous",
    Remedy.OWN_FILES: "use data=files data.path=<your tunes>",
    Remedy.READ_OVER_BLANK_LINES: "read on with data.blank_lines=allow",
}


def with_advice(error: MusicgenError) -> str:
    """An error's line, with what else would help."""
    if isinstance(error, InputError) and error.remedy is not None:
        return f"{error}, or {WORDS[error.remedy]}"
    return str(error)
