"""Curves of a sweep: what is drawn, and what is in the way of drawing."""

import re
from pathlib import Path

import pandas as pd
import pytest

from musicgen.report.curves import draw, plot

COLUMNS = "epoch,train_loss,train_accuracy,val_loss,val_accuracy"


def run(folder: Path, losses: list[float], end: str = "\n") -> None:
    folder.mkdir(parents=True)
    rows = [f"{e},{x},0.4,{x + 0.1},0.3" for e, x in enumerate(losses, 1)]
    (folder / "metrics.csv").write_text("\n".join([COLUMNS, *rows]) + end)


ROWS = [{"number": 1, "model.dropout": 0.1}, {"number": 0, "model.dropout": 0.0}]


def test_curves_are_drawn_with_a_line_per_configuration(tmp_path: Path) -> None:
    run(tmp_path / "0", [3.0, 2.0])
    run(tmp_path / "1", [2.0, 1.0, 0.5])
    draw(tmp_path, ROWS, ["model.dropout"], 1)
    for name in ("curves.png", "curves.svg"):
        assert (tmp_path / name).stat().st_size > 5000
    curves = pd.read_csv(tmp_path / "curves.csv")
    assert list(curves["number"]) == [0, 0, 1, 1, 1]
    figure = plot(curves, {0: "a", 1: "b"})
    loss, accuracy = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    assert "nats" in loss.get_ylabel()
    assert list(loss.lines[1].get_ydata()) == pytest.approx([3.1, 2.1])
    assert len(accuracy.lines) == 4


def test_seeds_are_a_mean_and_a_band(tmp_path: Path) -> None:
    run(tmp_path / "0" / "seed0", [3.0, 2.0])
    run(tmp_path / "0" / "seed1", [4.0])
    draw(tmp_path, ROWS, ["model.dropout"], 2)
    figure = plot(pd.read_csv(tmp_path / "curves.csv"), {0: "a"})
    assert list(figure.axes[0].lines[0].get_ydata()) == [3.5, 2.0]
    assert len(figure.axes[0].collections) == 2


def test_a_row_half_written_is_left_out(tmp_path: Path) -> None:
    run(tmp_path / "0", [3.0, 2.0], end="\n3,1.0,0")
    run(tmp_path / "1", [])
    draw(tmp_path, ROWS, ["model.dropout"], 1)
    assert list(pd.read_csv(tmp_path / "curves.csv")["epoch"]) == [1, 2]


def test_nothing_to_draw_is_no_picture(tmp_path: Path) -> None:
    draw(tmp_path, ROWS, ["model.dropout"], 1)
    assert not list(tmp_path.iterdir())


def test_a_diverging_run_does_not_press_the_others_flat(tmp_path: Path) -> None:
    run(tmp_path / "0", [2.0 - i / 100 for i in range(60)])
    run(tmp_path / "1", [2.0, 1e6])
    draw(tmp_path, ROWS, ["model.dropout"], 1)
    figure = plot(pd.read_csv(tmp_path / "curves.csv"), {0: "a", 1: "b"})
    assert figure.axes[0].get_ylim()[1] < 10


def test_the_legend_is_best_first(tmp_path: Path) -> None:
    """As the table and the page are."""
    run(tmp_path / "0", [3.0, 2.0])
    run(tmp_path / "1", [2.0, 1.0])
    draw(tmp_path, ROWS, ["model.dropout"], 1)
    names = re.findall(r">(dropout=[0-9.]+)<", (tmp_path / "curves.svg").read_text())
    assert names == ["dropout=0.1", "dropout=0"]
