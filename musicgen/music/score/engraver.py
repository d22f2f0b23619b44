"""The engraver's process: reads MEI from its standard input, writes SVG to its standard output.

verovio is a native library, and its input is written by a network: a crash, a hang or a flood of
memory must not reach the program that wants the picture. This file is run by its path and imports
nothing of musicgen, so that it starts fast. Its argument: bytes of memory it may have.

It writes one byte when it is ready. Then each message is its length in eight bytes and then its
text; an answer begins with `+` and the SVG of one page after the other, each ended by a zero byte,
or with `-` and the error.
"""

import contextlib
import os
import sys

import verovio

OPTIONS = {
    "breaks": "smart",
    "pageWidth": 2100,
    "pageHeight": 60_000,
    "adjustPageHeight": True,
    "header": "encoded",
    "footer": "none",
    "svgViewBox": True,
    "svgFormatRaw": True,
    "smuflTextFont": "none",
    "outputIndent": 1,
    "xmlIdSeed": 1,
    "logLevel": "off",
}
"""A page as wide as A4, in tenths of a millimetre, and as high as the tune."""


def main() -> None:
    """Serve until the standard input ends."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows, or a lower limit is set
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the library prints must not mix with the answers
    toolkit = verovio.toolkit()
    answers.write(b"!")
    answers.flush()
    while size := sys.stdin.buffer.read(8):
        text = sys.stdin.buffer.read(int.from_bytes(size)).decode()
        answer = pages(toolkit, text).encode()
        answers.write(len(answer).to_bytes(8) + answer)
        answers.flush()


def pages(toolkit: verovio.toolkit, text: str) -> str:
    """The answer for one score."""
    # Set again for each score: its ids must not depend on what was engraved before.
    toolkit.setOptions(OPTIONS)
    toolkit.resetXmlIdSeed(1)
    if not toolkit.loadData(text):
        return "-verovio could not read the score"
    count = toolkit.getPageCount()
    return "+" + "".join(toolkit.renderToSVG(page) + "\0" for page in range(1, count + 1))


if __name__ == "__main__":
    main()
