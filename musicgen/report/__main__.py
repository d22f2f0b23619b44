"""One offline page for runs and sweeps: python -m musicgen.report runs/sweeps/dropout"""

from musicgen.cli.report import entry

if __name__ == "__main__":
    entry()
