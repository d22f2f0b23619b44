"""`hydra/sweeper: musicgen` in somebody's application: what trials see, and bad input."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tunes import ROOT

APP = """
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

import musicgen


@dataclass
class Small:
    size: int = 1


@dataclass
class Large:
    size: int = 100
    depth: int = 3


ConfigStore.instance().store(group="db/net", name="small", node=Small)
ConfigStore.instance().store(group="db/net", name="large", node=Large)
OmegaConf.register_new_resolver("plus", lambda a, b: a + b)


@hydra.main(version_base="1.3", config_path=None, config_name="app")
def main(cfg):
    trial = musicgen.current_trial()
    job = HydraConfig.get()
    logging.getLogger("mine").info("x is %s", cfg.x)
    seen = {
        "cfg": OmegaConf.to_container(cfg, resolve=True),
        "num": OmegaConf.to_container(job.job)["num"],
        "dirname": job.job.override_dirname,
        "output": job.runtime.output_dir,
        "cwd": os.getcwd(),
        "in_sweep": trial.in_sweep,
        "seed": trial.seed,
    }
    Path(job.runtime.output_dir, "seen.json").write_text(json.dumps(seen))
    trial.report(1, cfg.x)
    if cfg.fails == cfg.x:
        raise ValueError("no good")
    return OBJECTIVE


ConfigStore.instance().store(
    name="app",
    node={
        "defaults": [{"db/net": "small"}, "_self_", {"override hydra/sweeper": "musicgen"}],
        "x": 1,
        "y": "${plus:${x},10}",
        "seed": 7,
        "fails": None,
    },
)
if __name__ == "__main__":
    main()
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text(APP.replace("OBJECTIVE", '{"loss": float(cfg.y + cfg.db.net.size)}'))
    return path


def run(app: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(app), *arguments],
        cwd=app.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_trial_is_a_job_as_hydras_own_launcher_runs_it(app: Path) -> None:
    said = run(app, "-m", "x=1,2", "db/net=small,large", "+z=5,6", "hydra.sweep.dir=s", "seed=3")
    assert said.returncode == 0, said.stderr
    found = rows(app.parent / "s")
    assert [float(row["loss"]) for row in found] == [12, 12, 13, 13, 111, 111, 112, 112]
    seen = json.loads((app.parent / "s" / "5" / "seen.json").read_text())
    assert seen == {
        "cfg": {"x": 2, "y": 12, "seed": 3, "fails": None, "z": 6, "db": {"net": {"size": 1}}},
        "num": 5,
        "dirname": "+z=6,db/net=small,seed=3,x=2",
        "output": str(app.parent / "s" / "5"),
        "cwd": str(app.parent),
        "in_sweep": True,
        "seed": 0,
    }
    assert "[mine][INFO] - x is 2" in (app.parent / "s" / "5" / "app.log").read_text()


@pytest.mark.slow
def test_each_run_of_a_configuration_has_its_seed_and_failures_are_rows(app: Path) -> None:
    asked = ["-m", "x=1,2", "hydra.sweeper.seeds=2", "hydra.sweep.dir=s", "hydra.job.chdir=true"]
    said = run(app, *asked, "fails=2")
    assert said.returncode == 0, said.stderr
    assert [(row["status"], row.get("error")) for row in rows(app.parent / "s")] == [
        ("completed", ""),
        ("failed", "ValueError: no good"),
    ]
    seen = json.loads((app.parent / "s" / "0" / "seed1" / "seen.json").read_text())
    assert (seen["cfg"]["seed"], seen["seed"]) == (8, 1)
    assert seen["cwd"] == seen["output"] == str(app.parent / "s" / "0" / "seed1")


@pytest.mark.slow
def test_an_applications_search_begins_with_what_is_known(app: Path) -> None:
    """Its own configuration (x=1 of the small network), and the points that it is given."""
    space = ["x=interval(0,9)", "db/net=small,large", "hydra.sweeper.sampler=random"]
    asked = ["-m", *space, "hydra.sweeper.n_trials=3", "hydra.sweep.dir=s"]
    said = run(app, *asked, "hydra.sweeper.enqueue=[{x: 5},{db/net: large}]")
    assert said.returncode == 0, said.stderr
    assert "own values are tried first: x=1.0 db/net=small" in said.stdout
    found = {row["number"]: row for row in rows(app.parent / "s")}
    first = [(float(found[number]["x"]), found[number]["db/net"]) for number in "012"]
    assert first == [(1.0, "small"), (5.0, "small"), (1.0, "large")]


@pytest.mark.slow
def test_an_applications_sweep_is_found_again_by_its_command(app: Path) -> None:
    for _ in range(2):
        assert run(app, "-m", "x=1,2").returncode == 0
    other = run(app, "-m", "x=1,2", "seed=5")
    assert other.returncode == 0, other.stderr
    assert len(list((app.parent / "multirun").iterdir())) == 2
    alone = run(app, "x=4", "hydra.run.dir=alone")
    assert alone.returncode == 0, alone.stderr
    assert '"in_sweep": false' in (app.parent / "alone" / "seen.json").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["w=1,2"], "there is no key w; what the configuration has not is added with +w=..."),
        (["seedd=1,2"], "there is no key seedd; did you mean seed?"),
        (["x=interval(0,1)"], "n_trials must be given where a range has no step"),
        (["x=1,2", "hydra.sweeper.sampler=tpee"], "sampler must be one of"),
        (["x=1,2", "hydra.sweeper.enqueue=[{x: 3}]"], "enqueue, point 1: x must be of [1, 2]"),
        (["x=1,2", "hydra.sweeper.seeds=0"], "seeds must be a number and at least 1, got 0"),
        (["seed=1,2", "hydra.sweeper.seeds=2"], "seed is swept, so it cannot get the seeds too"),
        (["x=1,2", "hydra.sweeper.objective=[a,b]"], "must have a way for each objective"),
        (["x=1"], "-m needs a key with several values"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_bad_input_is_one_line(app: Path, arguments: list[str], line: str) -> None:
    said = run(app, "-m", *arguments)
    assert line in said.stderr
    assert said.stderr.startswith("error: ")
    assert said.stderr.count("\n") == 1
    assert said.returncode == 2
    assert not (app.parent / "multirun").exists()
