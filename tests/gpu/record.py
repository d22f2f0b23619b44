"""gpu.json: what one run of `make gpu` found, kept after each finding."""

import json
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from musicgen.training import device


class Record:
    """A tree of findings in a file that is complete after each `put`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, *keys: str, value: Any) -> None:
        """Set what stands at record[keys[0]][keys[1]]..."""
        content = json.loads(self._path.read_text()) if self._path.exists() else {}
        place = content
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = value
        draft = self._path.with_suffix(".tmp")
        draft.write_text(json.dumps(content, indent=1) + "\n")
        draft.replace(self._path)

    def get(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._path.read_text())
        return content


def machine(kind: str) -> dict[str, Any]:
    """Device, driver and versions."""
    found: dict[str, Any] = {
        "device": device.name(torch.device(kind)),
        "host": device.machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "lightning": metadata.version("pytorch-lightning"),
    }
    if kind == "cuda":
        properties = torch.cuda.get_device_properties(0)
        found |= {
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "capability": list(torch.cuda.get_device_capability()),
            "memory_gb": round(properties.total_memory / 1e9, 1),
            "driver": _driver(),
        }
    return found


def _driver() -> str:
    try:
        asked = ["nvidia-smi", "--query-gpu=driver_version,name,mig.mode.current"]
        return subprocess.run(
            [*asked, "--format=csv,noheader"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"unknown ({error})"
