"""TensorBoard's event files."""

import io
import struct
import wave
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from musicgen.training.result import Epoch

SCALARS = {
    "train_loss": "loss/train (nats per character)",
    "val_loss": "loss/validation (nats per character)",
    "train_accuracy": "accuracy/train",
    "val_accuracy": "accuracy/validation",
    "val_bits_per_char": "loss/validation (bits per character)",
    "val_perplexity": "loss/validation (perplexity)",
    "lr": "training/lr",
    "seconds": "training/seconds",
    "chars_per_s": "training/characters per second",
}
"""Columns of metrics.csv and the tags under which TensorBoard shows them."""


class EventLog:
    """The event files of one run, opened when training starts: a refused run leaves none."""

    def __init__(self, folder: Path, keys: dict[str, Any], *, one_of_many: bool = False) -> None:
        """keys: the flat configuration, for the HParams tab. one_of_many: a sweep's."""
        self.folder, self.keys, self.one_of_many = folder, keys, one_of_many
        self.writer: SummaryWriter | None = None

    def open(self) -> None:
        """Start a new event file; those of the run's earlier parts stay beside it."""
        resumed = any(self.folder.glob("events.out.tfevents.*"))
        self.writer = SummaryWriter(str(self.folder), flush_secs=600)
        if not resumed:
            values = {
                k: v if isinstance(v, (bool, int, float)) else str(v) for k, v in self.keys.items()
            }
            metrics = {SCALARS["val_loss"]: None, SCALARS["val_accuracy"]: None}
            experiment, *trial = hparams(values, metrics)  # type: ignore[no-untyped-call]
            # Of all trials' experiments TensorBoard reads one, and would have no columns for keys
            # that only others have (optim.momentum); without any it gathers them, but then a run
            # that is shown by itself has no metrics.
            for summary in trial if self.one_of_many else (experiment, *trial):
                self._file_writer.add_summary(summary)
        self.writer.flush()

    @property
    def _file_writer(self) -> Any:
        assert self.writer is not None
        return self.writer._get_file_writer()  # type: ignore[no-untyped-call]

    def add_epoch(self, row: Epoch) -> None:
        """The epoch's figures as scalars."""
        assert self.writer is not None
        for column, tag in SCALARS.items():
            self.writer.add_scalar(tag, getattr(row, column), row.epoch)

    def add_text(self, tag: str, text: str, step: int) -> None:
        """A tune in the text tab, indented so that Markdown leaves it as it is."""
        assert self.writer is not None
        self.writer.add_text(tag, "\n".join(f"    {line}" for line in text.splitlines()), step)

    def add_png(self, tag: str, png: bytes, step: int) -> None:
        """A picture that is encoded already, in the images tab."""
        width, height = struct.unpack(">II", png[16:24])
        image = Summary.Image(width=width, height=height, colorspace=4, encoded_image_string=png)
        self._add(Summary.Value(tag=tag, image=image), step)

    def add_wav(self, tag: str, wav: bytes, step: int) -> None:
        """A sound that is encoded already, in the audio tab."""
        with wave.open(io.BytesIO(wav)) as source:
            audio = Summary.Audio(
                sample_rate=source.getframerate(),
                num_channels=source.getnchannels(),
                length_frames=source.getnframes(),
                encoded_audio_string=wav,
                content_type="audio/wav",
            )
        self._add(Summary.Value(tag=tag, audio=audio), step)

    def _add(self, value: Any, step: int) -> None:
        self._file_writer.add_summary(Summary(value=[value]), step)

    def flush(self) -> list[Path]:
        """Write everything to disk; returns the run's event files."""
        if self.writer is not None:
            self.writer.flush()
        return sorted(self.folder.glob("events.out.tfevents.*"))

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
