"""A network trained for a moment, as a run folder."""

from pathlib import Path

from musicgen.training.fit import fit
from tests.tunes import composed, small, tunes

JIG = """<start>
X:1
T:The Fiddler's Jig
C:Trad.
R:jig
M:6/8
L:1/8
Q:3/8=120
K:Ador
|:"G"~A2B c^de|(3fga _b =c'2-|c'3 z3:|[1 [CEG]6 :|[2 G,6|]
<end>
"""


def trained(folder: Path) -> Path:
    """A run of 8 units on tunes kept below `folder`, which know most of what ABC has."""
    path = folder / "tunes.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tunes(30) + JIG * 3 + tunes(6, seed=1))
    fit(composed(*small(folder, "trainer.max_epochs=2")), folder / "run")
    return folder / "run"
