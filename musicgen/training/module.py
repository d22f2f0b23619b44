"""The LightningModule: one step of truncated back-propagation through time."""

from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional

from musicgen.config.keys import Config
from musicgen.config.record import digest
from musicgen.models import arithmetic
from musicgen.models.arithmetic import FP32
from musicgen.models.char_rnn import CharRNN, detach
from musicgen.models.evaluation import evaluate
from musicgen.models.layers import State
from musicgen.training.batches import Slices, Streams
from musicgen.training.device import LIGHTNING
from musicgen.training.optim import settle


class Diverged(Exception):  # noqa: N818 - an outcome of training, recorded as such
    """A loss became NaN or infinite."""


class Training(pl.LightningModule):
    """Trains a network on one text and scores it on another after each epoch.

    Every epoch derives its random numbers (dropout, order of slices) from the seed and its number,
    and starts from a zero state. So a run that is resumed at the start of an epoch needs no
    generator's state to give the result of an uninterrupted run.
    """

    def __init__(
        self,
        network: CharRNN,
        config: Config,
        train: Tensor,
        validation: Tensor,
        *,
        products: str = FP32,
    ) -> None:
        """train, validation: the network's inputs (`CharRNN.read`).

        products: precision of products of fp32 factors in a training step on a GPU; see
        `models.arithmetic`.
        """
        super().__init__()
        self.network = network
        self.config = config
        self.schedule = config.schedule.build()
        self.register_buffer("train_text", train, persistent=False)
        self.register_buffer("validation_text", validation, persistent=False)
        self.train_text: Tensor
        self.validation_text: Tensor
        self.state: list[State] | None = None
        self.products = products
        self.state_type: str | None = None
        """Type of the recurrent layers' state, such as float32; None before the first step."""
        self.devices: list[str] = []
        """Kinds of device on which the run was trained, in order."""
        self.val_loss = self.val_accuracy = float("nan")
        self.step = self.steps = 0
        self.chars = 0
        self.sums = torch.zeros(2, dtype=torch.float64)
        self.unchecked: list[Tensor] = []

    def train_dataloader(self) -> Streams | Slices:
        data = self.config.data
        batches = (
            Streams(self.train_text, data.batch_size, data.seq_len)
            if data.stateful
            else Slices(
                self.train_text,
                data.batch_size,
                data.seq_len,
                lambda: torch.Generator().manual_seed(self._epoch_seed()),
            )
        )
        self.steps = len(batches) * self.config.trainer.max_epochs
        return batches

    def val_dataloader(self) -> range:
        # One dummy batch: validation reads the whole text, which this module holds, and Lightning
        # would flatten a list of tensors into as many loaders.
        return range(1)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        half = self.trainer.precision == LIGHTNING["bf16"]
        optimizer: torch.optim.Optimizer = self.config.optim.of(
            self.network, torch.bfloat16 if half else torch.float32
        )
        return optimizer

    def _epoch_seed(self) -> int:
        mixed = np.random.SeedSequence([self.config.seed, self.current_epoch])
        return int(mixed.generate_state(1, np.uint64)[0] >> 1)

    def on_train_start(self) -> None:
        settle(self.trainer.optimizers[0])
        if self.devices[-1:] != [self.device.type]:
            self.devices.append(self.device.type)

    def on_train_epoch_start(self) -> None:
        torch.manual_seed(self._epoch_seed())
        self.state = None
        wide = arithmetic.widest(self.device)
        self.sums = torch.zeros(2, dtype=wide, device=self.device)
        self.chars = 0

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        lr = self.config.optim.lr * self.schedule(self.step, self.steps)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = lr

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """batch: x, the network's input, and y (time, batch) int64."""
        x, y = batch
        with arithmetic.products(self.products):
            logits, state = self.network(x, self.state)
        if self.state_type is None:
            types = {part.dtype for layer in state for part in layer}
            self.state_type = ", ".join(sorted(str(t).removeprefix("torch.") for t in types))
        if self.config.data.stateful:
            self.state = detach(state)
        logits, targets = logits.flatten(0, 1).float(), y.flatten()  # argmax of bf16 is slow
        loss = functional.cross_entropy(logits, targets)
        right = logits.detach().argmax(-1) == targets
        wide = self.sums.dtype
        self.sums += torch.stack([loss.detach().to(wide) * y.numel(), right.sum().to(wide)])
        self.chars += y.numel()
        self.step += 1
        self._check(loss.detach())
        return loss

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        with arithmetic.products(self.products):
            super().backward(loss, *args, **kwargs)

    def _check(self, loss: Tensor) -> None:
        """Raise Diverged at the first step whose loss is not finite.

        Reading a loss waits for the GPU, so there the losses of 32 steps are read at once.
        """
        self.unchecked.append(loss)
        if len(self.unchecked) < (1 if self.device.type == "cpu" else 32):
            return
        self.check_finite()

    def check_finite(self) -> None:
        """Check the losses that have not been checked yet."""
        first = self.step - len(self.unchecked) + 1
        losses = torch.stack(self.unchecked).tolist() if self.unchecked else []
        self.unchecked.clear()
        for step, value in enumerate(losses, first):
            if not np.isfinite(value):
                raise Diverged(
                    f"the training loss became {value} at step {step:,}; lower optim.lr "
                    f"({self.config.optim.lr:g}) or trainer.grad_clip"
                )

    def validation_step(self, batch: int, batch_idx: int) -> None:
        self.check_finite()
        self.val_loss, self.val_accuracy = evaluate(self.network, self.validation_text)
        if not np.isfinite(self.val_loss):
            raise Diverged(
                f"the validation loss became {self.val_loss} after step {self.step:,}; "
                f"lower optim.lr ({self.config.optim.lr:g})"
            )
        self.schedule.epoch_end(self.val_loss)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # Lightning's own loop state repeats the last batch or the end of an epoch when it is
        # restored (pytorch-lightning #18780, #19815); at an epoch's end all there is to know is
        # how many epochs and steps are done.
        del checkpoint["loops"]
        checkpoint["done"] = {
            "epochs": self.current_epoch + 1,
            "steps": self.step,
            "config": digest(self.config),
            "precision": self.trainer.precision,  # what `auto` meant
            "state": self.state_type,
            "devices": self.devices,
            "threads": torch.get_num_threads(),
            "schedule": self.schedule.state_dict(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        done = checkpoint["done"]
        self.step = done["steps"]
        self.state_type, self.devices = done.get("state"), done.get("devices", [])
        self.schedule.load_state_dict(done["schedule"])
        progress: Any = self.trainer.fit_loop.epoch_progress.current
        progress.processed = done["epochs"]
