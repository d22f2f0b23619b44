"""Makes the files of hostile tunes, in a process of its own, and says what that took.

Standard input: a JSON object of names to texts. Standard output: JSON, by name the processor's
seconds, the sizes of what was made and why the rest is missing; and the peak of memory in bytes.
"""

import json
import resource
import sys
import time

from musicgen.music import parse
from musicgen.music.files import files
from musicgen.music.formats import formats
from musicgen.music.score.engrave import Engraver


def main() -> None:
    told = {}
    with Engraver(limit_s=3) as engraver:
        for name, text in json.load(sys.stdin).items():
            start = time.process_time()  # the engraver has a limit of its own
            made = files(parse(text), list(formats()), engraver)
            sizes = {kind: len(content) for kind, content in made.contents.items()}
            told[name] = (time.process_time() - start, sizes, made.missing)
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    json.dump({"peak": peak, "tunes": told}, sys.stdout)


if __name__ == "__main__":
    main()
