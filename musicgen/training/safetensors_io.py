"""Lightning's checkpoints in our format."""

from pathlib import Path
from typing import Any

from pytorch_lightning.plugins.io import CheckpointIO

from musicgen.training.checkpoint import load, save


class SafetensorsIO(CheckpointIO):
    """Makes the Trainer write and read last.safetensors."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        save(Path(path), checkpoint)

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        content = load(Path(path))
        assert isinstance(content, dict)
        return content

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)
