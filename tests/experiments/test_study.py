"""What a study's README says of its sweep, without training anything."""

import csv
from pathlib import Path

from experiments import study
from tests.report.folders import sweep_folder


def test_the_readme_of_a_pruned_search(tmp_path: Path) -> None:
    sweep = sweep_folder(tmp_path / "sweep", trials=8)
    with (sweep / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        runs = 3 if row["status"] == "completed" else 0
        row |= {"n": str(runs), "seconds": "60", "best_epoch": "3", "corpus": "files"}
    columns = list(rows[0])
    columns.insert(columns.index("val_loss"), columns.pop(columns.index("n")))
    with (sweep / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    (sweep / "curves.svg").write_text("<svg/>")
    folder = tmp_path / "search"
    folder.mkdir()
    (folder / "README.md").write_text(f"# Why?\n\n{study.BEGIN}\nold\n{study.END}\n\nMine.\n")

    study.write(folder, sweep)

    readme = (folder / "README.md").read_text()
    assert readme.startswith(f"# Why?\n\n{study.BEGIN}\n\n| model.hidden |")
    assert readme.endswith(f"{study.END}\n\nMine.\n")
    assert "\nold\n" not in readme
    table = [line for line in readme.splitlines() if line.startswith("| ")][1:]
    assert [line.split(" |")[0] for line in table] == [f"| {r['model.hidden']}" for r in rows]
    assert "**" in table[0]
    assert sum("**" in line for line in table) == 1
    # Five configurations of three runs each, and one each of those that did not complete.
    assert "5 completed, 1 pruned, 1 diverged, 1 failed; " in readme
    assert "; 18 minutes of training in all" in readme
