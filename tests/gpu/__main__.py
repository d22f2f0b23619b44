"""The proof that all is well on a GPU: python -m tests.gpu [--device cpu] [--small] [part ...]

Parts, in this order unless named: `tests`, `speed`, `side_by_side`, `sweeps`. Each is a process of
its own with a time limit of its own; a part that fails or hangs costs that part. Exit code 1 if
any failed. What is found goes to gpu.json, after each finding.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.tunes import ROOT

LIMITS_S = {"tests": 170, "speed": 120, "side_by_side": 60, "sweeps": 120}
"""Of each part; together below eight minutes."""
TESTS = [f"tests/gpu/{path.name}" for path in sorted(Path(__file__).parent.glob("test_*.py"))]
"""They run side by side: none of them is about speed."""


def commands(part: str, device: str, out: Path, small: bool) -> list[list[str]]:
    if part == "tests":
        pytest = ["-m", "pytest", "-p", "no:cacheprovider", "-c", "tests/gpu/pytest.ini"]
        pytest += ["--rootdir", str(ROOT), "-v", "-rA", "--color=no", "--device", device]
        return [[*pytest, path] for path in TESTS]
    options = ["--device", device, "--out", str(out), *(["--small"] * small)]
    return [["-m", f"tests.gpu.{part}", *options]]


def run(part: str, device: str, out: Path, small: bool, limit_s: float) -> str:
    """How the part ended, in words; what it prints appears line by line."""
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    processes = [
        subprocess.Popen(
            [sys.executable, "-u", *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        for command in commands(part, device, out, small)
    ]
    readers = [threading.Thread(target=forward, args=(process,)) for process in processes]
    for reader in readers:
        reader.start()
    end = time.monotonic() + limit_s
    try:
        codes = [process.wait(max(0.0, end - time.monotonic())) for process in processes]
        return f"FAILED with exit code {max(codes)}" if any(codes) else "passed"
    except subprocess.TimeoutExpired:
        return f"FAILED: not done after {limit_s:g} s"
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for reader in readers:
            reader.join(5)


def forward(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            print(line, end="", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*LIMITS_S, []], default=[])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true", help="quick and meaningless: a trial run")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    parser.add_argument("--limit", type=float, default=1.0, help="times each part's time limit")
    asked = parser.parse_args()
    out = asked.out.absolute()
    out.unlink(missing_ok=True)
    ends = {}
    for part in asked.parts or LIMITS_S:
        print(f"\n===== {part} =====", flush=True)
        began = time.monotonic()
        end = run(part, asked.device, out, asked.small, LIMITS_S[part] * asked.limit)
        ends[part] = f"{end} ({time.monotonic() - began:.0f} s)"
        print(f"===== {part} {ends[part]}", flush=True)
    print("\n" + "\n".join(f"{part}: {end}" for part, end in ends.items()))
    return int(any("FAILED" in end for end in ends.values()))


if __name__ == "__main__":
    sys.exit(main())
