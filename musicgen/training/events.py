"""TensorBoard's event files."""

import io
import struct
import time
import wave
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata  # type: ignore[import-untyped]
from tensorboard.plugins.hparams.api_pb2 import (  # type: ignore[import-untyped]
    STATUS_FAILURE,
    STATUS_SUCCESS,
)
from tensorboard.plugins.hparams.metadata import (  # type: ignore[import-untyped]
    PLUGIN_DATA_VERSION,
    PLUGIN_NAME,
    SESSION_END_INFO_TAG,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import (  # type: ignore[import-untyped]
    HParamsPluginData,
    SessionEndInfo,
)
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
"""Columns of metrics.csv and their tags in TensorBoard."""
ENDS = {
    "completed": STATUS_SUCCESS,
    "pruned": STATUS_SUCCESS,
    "diverged": STATUS_FAILURE,
    "failed": STATUS_FAILURE,
}
"""TensorBoard's words for the end of a run; it has no others."""


class EventLog:
    """The event files of one run. The first is opened when training starts, so that a refused run
    leaves none."""

    def __init__(self, folder: Path, keys: dict[str, Any], *, one_of_many: bool = False) -> None:
        """keys: the flat configuration, for the HParams tab. one_of_many: the run is a sweep's
        trial."""
        self.folder, self.keys, self.one_of_many = folder, keys, one_of_many
        self.writer: SummaryWriter | None = None

    def open(self) -> None:
        """Open a new event file beside those of the run's earlier parts."""
        resumed = any(self.folder.glob("events.out.tfevents.*"))
        self.writer = SummaryWriter(str(self.folder), flush_secs=600)
        if not resumed:
            values = {
                k: v if isinstance(v, (bool, int, float)) else str(v) for k, v in self.keys.items()
            }
            metrics = {SCALARS["val_loss"]: None, SCALARS["val_accuracy"]: None}
            # The third value would say that the session ended well; `end` writes how it ended.
            experiment, begin, _ = hparams(values, metrics)  # type: ignore[no-untyped-call]
            # TensorBoard reads the experiment of one trial, and would have no columns for keys
            # that only others have (optim.momentum). Without any experiment it gathers the keys of
            # all;
            # but then a run that is shown alone has no metrics.
            for summary in [begin] if self.one_of_many else [experiment, begin]:
                self._file_writer.add_summary(summary)
        self.writer.flush()

    def end(self, status: str) -> None:
        """Write to the HParams tab how the run ended; nothing for a run that may go on or was
        killed.

        TensorBoard believes the first end that it reads. What is written after a checkpoint is cut
        off when the run goes on, so each run has at most one.
        """
        if self.writer is not None and status in ENDS:
            info = SessionEndInfo(status=ENDS[status], end_time_secs=time.time())
            content = HParamsPluginData(session_end_info=info, version=PLUGIN_DATA_VERSION)
            plugin = SummaryMetadata.PluginData(
                plugin_name=PLUGIN_NAME, content=content.SerializeToString()
            )
            metadata = SummaryMetadata(plugin_data=plugin)
            self._add(Summary.Value(tag=SESSION_END_INFO_TAG, metadata=metadata), step=0)

    @property
    def _file_writer(self) -> Any:
        assert self.writer is not None
        return self.writer._get_file_writer()  # type: ignore[no-untyped-call]

    def add_epoch(self, row: Epoch) -> None:
        """Write the epoch's figures as scalars."""
        assert self.writer is not None
        for column, tag in SCALARS.items():
            self.writer.add_scalar(tag, getattr(row, column), row.epoch)

    def add_text(self, tag: str, text: str, step: int) -> None:
        """Write a tune to the text tab, indented so that Markdown leaves it unchanged."""
        assert self.writer is not None
        self.writer.add_text(tag, "\n".join(f"    {line}" for line in text.splitlines()), step)

    def add_png(self, tag: str, png: bytes, step: int) -> None:
        """Write an encoded picture to the images tab."""
        width, height = struct.unpack(">II", png[16:24])
        image = Summary.Image(width=width, height=height, colorspace=4, encoded_image_string=png)
        self._add(Summary.Value(tag=tag, image=image), step)

    def add_wav(self, tag: str, wav: bytes, step: int) -> None:
        """Write an encoded sound to the audio tab."""
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
