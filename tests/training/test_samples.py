"""What TensorBoard shows of a run beside its curves, read back through a real server's HTTP API."""

import html
import json
from pathlib import Path
from time import monotonic, sleep

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from musicgen.config.record import digest
from musicgen.sweep.trial import Decision
from musicgen.training.events import SCALARS, EventLog
from musicgen.training.fit import fit
from musicgen.training.result import Epoch
from musicgen.training.watcher import Watcher
from tests.training.tensorboard_server import ask, hparams, loaded, tensorboard
from tests.tunes import composed, small

MEDIA = ["samples.media=true", "samples.every=1", "samples.max_chars=150"]
HEATMAP = "hidden unit/header or body"
TEMPERATURES = {"temperature 0.5", "temperature 1", "temperature 2"}


@pytest.mark.slow
def test_tensorboard_shows_tunes_scores_sound_and_a_unit(tmp_path: Path) -> None:
    fit(composed(*small(tmp_path, *MEDIA)), tmp_path / "run")
    with tensorboard(tmp_path / "run") as (address, _):
        scalars = loaded(address, "scalars")
        (loss,) = (tag for tag in scalars if tag.startswith("loss/validation (nats"))
        curve = json.loads(ask(address, "plugin/scalars/scalars", run=".", tag=loss))
        assert [step for _, step, _ in curve] == [1, 2, 3]

        tags = loaded(address, "text")
        assert {tag.split("/")[1] for tag in tags} >= TEMPERATURES
        (tag,) = (tag for tag in tags if tag.startswith("tune/temperature 1"))
        texts = json.loads(ask(address, "plugin/text/text", run=".", tag=tag))
        assert [text["step"] for text in texts] == [1, 2, 3]
        first = (tmp_path / "run" / "samples" / "T1.abc").read_text().split("\n")[0]
        assert first.strip()[:5] in html.unescape(texts[-1]["text"])

        for plugin, kind, magic in (
            ("images", "Image", b"\x89PNG"),
            ("audio", "Audio", b"RIFF"),
        ):
            tags = loaded(address, plugin)
            assert TEMPERATURES & {tag.split("/")[1] for tag in tags}
            assert (HEATMAP in tags) == (plugin == "images")
            for tag in tags:
                one = {"run": ".", "tag": tag, "sample": 0}
                shown = json.loads(ask(address, f"plugin/{plugin}/{plugin}", **one))
                assert shown
                path = f"plugin/{plugin}/individual{kind}?{shown[-1]['query']}"
                assert ask(address, path).startswith(magic)

        experiment = json.loads(ask(address, "plugin/hparams/experiment", {"experimentName": ""}))
        assert "model.hidden" in {info["name"] for info in experiment["hparamInfos"]}
        (trial,) = hparams(address)
        assert trial["hparams"]["model.hidden"] == 8
        (metric,) = (m for m in trial["metricValues"] if m["name"]["tag"] == loss)
        assert (metric["trainingStep"], metric["value"]) == (3, curve[-1][2])


@pytest.mark.slow
def test_a_sweeps_trials_have_all_their_keys(tmp_path: Path) -> None:
    keys = [{"optim.lr": 0.1, "optim.betas": [0.9, 0.99]}, {"optim.lr": 0.2, "optim.momentum": 0.9}]
    for number, values in enumerate(keys):
        events = EventLog(tmp_path / str(number), values, one_of_many=True)
        events.open()
        assert events.writer is not None
        events.writer.add_scalar(SCALARS["val_loss"], 1.5 + number, 1)
        events.close()
    with tensorboard(tmp_path) as (address, _):
        end = monotonic() + 120
        while len(json.loads(ask(address, "plugin/scalars/tags"))) < 2:
            assert monotonic() < end
            sleep(0.5)
        experiment = json.loads(ask(address, "plugin/hparams/experiment", {"experimentName": ""}))
        assert {info["name"] for info in experiment["hparamInfos"]} == keys[0].keys() | keys[1]
        losses = [trial["metricValues"][0]["value"] for trial in hparams(address)]
        assert sorted(losses) == [1.5, 2.5]


@pytest.mark.slow
def test_the_hparams_tab_says_how_runs_ended(tmp_path: Path) -> None:
    """A run that was killed or stopped has not ended: TensorBoard knows nothing of it."""
    ends = {
        "completed": "SUCCESS",
        "pruned": "SUCCESS",
        "diverged": "FAILURE",
        "failed": "FAILURE",
        "interrupted": "UNKNOWN",
        "killed": "UNKNOWN",
    }
    for status in ends:
        events = EventLog(tmp_path / status, {"optim.lr": 0.1}, one_of_many=True)
        events.open()
        assert events.writer is not None
        events.writer.add_scalar(SCALARS["val_loss"], 1.5, 1)
        if status == "killed":
            events.flush()
        else:
            events.end(status)
            events.close()
    with tensorboard(tmp_path) as (address, _):
        end = monotonic() + 120
        while len(json.loads(ask(address, "plugin/scalars/tags"))) < len(ends):
            assert monotonic() < end
            sleep(0.5)
        sessions = [session for trial in hparams(address) for session in trial["sessions"]]
        said = {session["name"]: session.get("status", "STATUS_UNKNOWN") for session in sessions}
        assert said == {status: f"STATUS_{word}" for status, word in ends.items()}


def session_ends(run: Path) -> list[int]:
    """The status in each session's end that a run's event files hold."""
    return [
        HParamsPluginData.FromString(value.metadata.plugin_data.content).session_end_info.status
        for path in sorted(run.glob("events.*"))
        for event in EventFileLoader(str(path)).Load()
        for value in event.summary.value
        if value.tag == SESSION_END_INFO_TAG
    ]


@pytest.mark.slow
def test_a_run_that_failed_and_then_completed_did_so_once(tmp_path: Path) -> None:
    """TensorBoard believes the first word."""

    class Fails(Watcher):
        def epoch(self, row: Epoch) -> Decision:
            if row.epoch == 2:
                raise OSError("disk full")
            return Decision.CONTINUE

    config = composed(*small(tmp_path))
    with pytest.raises(OSError, match="disk full"):
        fit(config, tmp_path / "run", Fails())
    assert session_ends(tmp_path / "run") == [STATUS_FAILURE]
    fit(config, tmp_path / "run", resume=True)
    assert session_ends(tmp_path / "run") == [STATUS_SUCCESS]


def shown(folder: Path) -> list[tuple[str, int, str, bytes]]:
    """Everything but scalars in a run's event files, in order."""
    return [
        (
            value.tag,
            event.step,
            value.metadata.plugin_data.plugin_name,
            b"".join(value.tensor.string_val),
        )
        for path in sorted(folder.glob("events.*"))
        for event in EventFileLoader(str(path)).Load()
        for value in event.summary.value
        if value.metadata.plugin_data.plugin_name in ("text", "images", "audio")
    ]


class StopAfter(Watcher):
    def __init__(self, epoch: int) -> None:
        self.last, self.now = epoch, False

    def step(self, epoch: int, step: int, steps: int) -> None:
        self.now = epoch > self.last

    def should_stop(self) -> bool:
        return self.now


@pytest.mark.slow
def test_showing_changes_nothing_and_resumes_as_it_was(tmp_path: Path) -> None:
    loud = composed(*small(tmp_path, *MEDIA, "samples.temperatures=[1]"))
    silent = composed(*small(tmp_path, "samples.temperatures=[1]", "samples.max_chars=150"))
    assert digest(loud) == digest(silent)
    fit(loud, tmp_path / "one")
    fit(silent, tmp_path / "silent")
    for last in (1, 2):
        fit(loud, tmp_path / "other", StopAfter(last), resume=True)
    fit(loud, tmp_path / "other", resume=True)
    assert shown(tmp_path / "one") == shown(tmp_path / "other")
    best = [
        (tmp_path / name / "checkpoints" / "best.safetensors").read_bytes()
        for name in ("one", "silent", "other")
    ]
    assert best[0] == best[1] == best[2]
    steps = [step for tag, step, *_ in shown(tmp_path / "one") if tag == HEATMAP]
    assert steps == [1, 2, 3]


@pytest.mark.slow
def test_one_of_many_has_pictures_at_its_end_and_no_sound(tmp_path: Path) -> None:
    config = composed(*small(tmp_path, *MEDIA, "samples.temperatures=[1]"))
    fit(config, tmp_path / "trial", one_of_many=True)
    found = shown(tmp_path / "trial")
    assert [step for *_, step, kind, _ in found if kind == "text"] == [1, 2, 3]
    assert {step for *_, step, kind, _ in found if kind == "images"} == {3}
    assert not [tag for tag, _, kind, _ in found if kind == "audio"]
