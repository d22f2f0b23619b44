"""The studies of the 2018 report, which are an application now: python -m experiments"""

import sys

from musicgen.config.overrides import shell
from musicgen.errors import InputError


def entry() -> None:
    """Run the console script, which says where the studies are."""
    again = shell(["python", "-m", "experiments", *sys.argv[1:]])
    print(f"error: musicgen.studies has moved; in a clone of musicgen: {again}", file=sys.stderr)
    sys.exit(InputError.exit_code)


if __name__ == "__main__":
    entry()
