"""One training, from configuration to result."""

import logging
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment

from musicgen import corpus
from musicgen.config import record
from musicgen.config.keys import Config
from musicgen.config.overrides import flatten, seconds
from musicgen.errors import InputError, Remedy
from musicgen.models.char_rnn import CharRNN
from musicgen.models.evaluation import evaluate
from musicgen.models.transfer import transfer
from musicgen.sweep.trial import COMPLETED, INTERRUPTED, PAUSED, PRUNED, Decision
from musicgen.system.files import write_text
from musicgen.training import checkpoint, device
from musicgen.training.batches import check_size
from musicgen.training.checkpointing import Checkpointing, Stopped, TimeOver
from musicgen.training.description import describe, described
from musicgen.training.events import EventLog
from musicgen.training.folder import RunFolder
from musicgen.training.initial import Initial
from musicgen.training.measured import measured
from musicgen.training.module import Diverged, Training
from musicgen.training.result import Result, versions
from musicgen.training.safetensors_io import SafetensorsIO
from musicgen.training.samples import Samples
from musicgen.training.watcher import Start, Watcher

log = logging.getLogger(__name__)
# Lightning announces at INFO level which devices it did not find, and products.
logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)


STATUS = {
    Decision.CONTINUE: COMPLETED,
    Decision.PRUNE: PRUNED,
    Decision.PAUSE: PAUSED,
    Decision.STOP: INTERRUPTED,
}
"""How a training ends, by the last word of its watcher."""
TAKEOVER_S = 60.0
"""How long a trial waits for its earlier worker, given up for lost, to end: a cluster that ends
takes its nodes down one after another."""


def fit(
    config: Config,
    out_dir: Path,
    watcher: Watcher | None = None,
    *,
    resume: bool = False,
    one_of_many: bool = False,
    data: corpus.Corpus | None = None,
    initial: Initial | None = None,
    command: Sequence[str] = (),
) -> Result:
    """Train a network, write everything to `out_dir`, and return the content of result.json.

    resume: go on from the folder's last epoch-end checkpoint, or from the start without one, in the
    precision that the run began with. A completed run is returned as it is. one_of_many: the run is
    a sweep's trial. It waits for an earlier worker of its folder to end, begins anew where the
    folder's content is damaged, and keeps its event files small: no sound, and pictures only at the
    end. data: the configured corpus, if the caller has it; else it is read. initial: the network of
    `config.init`; a run that is resumed has a copy of it. command: the words that were typed; kept
    in the folder of a run that begins.

    Raises InputError before anything is written. Once the run has begun, the result is always
    written; an error that is no outcome of training (diverged, pruned, interrupted) is raised
    again.
    """
    folder = RunFolder(out_dir)
    place, precision = device.choose(config.trainer)
    here = device.threads(config.trainer)
    if folder.used:
        _check_same(folder, config, resume, one_of_many)
        if (done := _finished(folder, one_of_many)) is not None:
            return done
    if config.init is not None:
        initial = initial or Initial.kept(folder, config.init)
        assert config.init == initial.pinned
    data = data or corpus.of(config.data)
    check_size(
        len(data.train),
        len(data.validation),
        config.data.batch_size,
        config.data.seq_len,
        stateful=config.data.stateful,
    )
    with folder.locked(TAKEOVER_S if one_of_many else 0.0):
        if resume and config.trainer.precision == "auto":
            precision = _begun_in(folder, precision, place)
        torch.set_num_threads((_begun_with(folder) if resume else 0) or here)
        run = _Run(
            config, folder, data, initial, place, precision, watcher or Watcher(), one_of_many
        )
        return run.train(resume, command)


def _begun_in(folder: RunFolder, here: str, place: torch.device) -> str:
    """The precision of the run in the folder; `here`, this machine's, if there is none.

    fp32 is the same everywhere. A processor without bf16 emulates it; Apple's GPUs refuse it.
    """
    if not folder.last.exists() or place.type == "mps":
        return here
    try:
        theirs = checkpoint.load(folder.last)["done"]["precision"]
    except (InputError, KeyError, TypeError):
        return here  # `_check_resumable` reports the damage
    if theirs == device.LIGHTNING[here]:
        return here
    begun = next((name for name, other in device.LIGHTNING.items() if other == theirs), here)
    log.warning(
        "%s was begun in %s and goes on in it; alone this machine would train in %s%s",
        folder.path,
        begun,
        here,
        ", and emulates bf16, which is slower" if (begun, place.type) == ("bf16", "cpu") else "",
    )
    return begun


def _begun_with(folder: RunFolder) -> int:
    """Threads of the run in the folder; 0 if unknown.

    Sums are rounded in the order of their threads. With the same number of threads, neither other
    work on the machine nor its number of cores changes a result.
    """
    try:
        return int(checkpoint.load(folder.last)["done"].get("threads", 0))
    except (InputError, KeyError, TypeError, AttributeError):
        return 0


def _check_same(folder: RunFolder, config: Config, resume: bool, one_of_many: bool) -> None:
    if not resume:
        raise InputError(f"{folder.path} holds a run already", Remedy.RESUME_OR_OTHER_RUN_FOLDER)
    try:
        before = flatten(record.placeless(record.load(folder.config)))
    except InputError as error:
        if not one_of_many:
            raise
        # The sweep knows what it trains, and the checkpoint also names its configuration.
        log.warning("%s; it is written again", error)
        return
    now = flatten(record.placeless(config))
    compared = (before | now).keys() - record.DISPLAY_KEYS
    changed = [key for key in before | now if key in compared and before.get(key) != now.get(key)]
    if changed:
        key = changed[0]
        raise InputError(
            f"{folder.path}: {key} must stay {before.get(key)}, got {now.get(key)}"
            f"{f' ({len(changed) - 1} more keys differ)' if changed[1:] else ''}; "
            "resume it with the configuration it has, or start a new run"
        )


def _finished(folder: RunFolder, one_of_many: bool) -> Result | None:
    """The result of a run that needs no more training."""
    if not folder.result.exists():
        return None
    try:
        result = Result.read(folder.result)
    except InputError as error:
        if not one_of_many:
            raise
        log.warning("%s; the run goes on from its last epoch", error)
        return None
    return result if result.status in ("completed", "pruned", "diverged") else None


class _Run:
    """The parts of one training, made once."""

    def __init__(
        self,
        config: Config,
        folder: RunFolder,
        data: corpus.Corpus,
        initial: Initial | None,
        place: torch.device,
        precision: str,
        watcher: Watcher,
        one_of_many: bool,
    ) -> None:
        self.config, self.folder, self.data, self.watcher = config, folder, data, watcher
        self.place, self.precision, self.one_of_many = place, precision, one_of_many
        self.initial = initial
        torch.manual_seed(config.seed)
        self.vocabulary, self.network = self._begun()
        self.module = Training(
            self.network,
            config,
            self._read(data.train),
            self._read(data.validation),
            products=device.products(precision),
        )
        keys = flatten(record.to_dict(config))
        self.events = EventLog(folder.path, keys, one_of_many=one_of_many)
        self.samples = Samples(
            self.network,
            self.vocabulary,
            config,
            data.validation,
            self.events,
            one_of_many=one_of_many,
        )
        patience, every = config.early_stopping.patience, config.samples.every
        limit = config.trainer.max_time
        self.checkpointing = Checkpointing(
            folder,
            self.events,
            watcher,
            patience,
            every,
            self.samples.show,
            math.inf if limit is None else seconds(limit),
        )
        self.result = Result(
            status="failed",
            seed=config.seed,
            config_digest=record.digest(config),
            parameters=sum(p.numel() for p in self.network.parameters()),
            device=device.name(place),
            precision=precision,
            arithmetic=device.arithmetic_of(place.type, precision, tf32=device.has_tf32),
            machine=device.machine(),
            corpus={"name": data.name, "digest": data.digest, "split": data.split},
            versions=versions(),
        )

    def _begun(self) -> tuple[corpus.Vocabulary, CharRNN]:
        """The network before its first step, and its characters: those of the corpus, and those
        that the initial network knows."""
        vocabulary, initial = self.data.vocabulary(), self.initial
        if initial is None:
            return vocabulary, checkpoint.build(self.config.model, vocabulary)
        known = initial.description.vocabulary
        vocabulary = corpus.Vocabulary.of(vocabulary.characters, known.characters)
        network = checkpoint.build(self.config.model, vocabulary)
        name = f"the checkpoint of init={initial.name}"
        content = checkpoint.loads(initial.weights, name)
        source = checkpoint.network(initial.description, content, name)
        transfer(source, network, vocabulary.encode(known.characters).tolist())
        return vocabulary, network

    def _read(self, text: str) -> torch.Tensor:
        return self.network.read(torch.from_numpy(self.vocabulary.encode(text)).long())

    def train(self, resume: bool, command: Sequence[str]) -> Result:
        folder = self.folder
        folder.checkpoints.mkdir(exist_ok=True)
        if resume:
            try:
                self._check_resumable()
            except InputError as error:
                if not self.one_of_many:
                    raise
                log.warning("%s; the run begins anew, which costs its epochs so far", error)
                resume = False
        kinds = self.data.kinds
        describe(folder.model, self.config, self.vocabulary, self.data.digest, kinds)
        if self.initial is not None:
            self.initial.keep(folder)
        if command and not resume:
            folder.keep_command(command)
        write_text(folder.config, record.dump(self.config))
        last = folder.last if resume and folder.last.exists() else None
        if self.place.type == "mps":
            log.warning(device.UNTRIED)
        try:
            with device.alone(self.place), device.reproducible(self.place):
                self.result.status, self.result.error = self._fit(last)
                if self.result.status == "completed":
                    self._finish()
        except BaseException as error:
            self.result.status = "failed"  # also in its ending, which resuming repeats
            first = str(error).strip().splitlines()[:1]
            self.result.error = ": ".join([type(error).__name__, *first])
            raise
        finally:
            self.events.end(self.result.status)
            self.events.close()
            self._record()
        return self.result

    def _check_resumable(self) -> None:
        """Raise InputError if the folder's content is damaged or of another run."""
        folder = self.folder
        try:
            before = described(folder.model, "start a new run").corpus
        except FileNotFoundError:
            return
        if before != self.data.digest:
            raise InputError(
                f"{folder.path} was begun on other tunes (digest {before}, now "
                f"{self.data.digest}); bring those back, or start a new run"
            )
        if folder.last.exists():
            done = checkpoint.load(folder.last)
            fits = isinstance(done, dict) and isinstance(done.get("done"), dict)
            if not fits or done["done"].get("config") != self.result.config_digest:
                raise InputError(
                    f"{folder.last} is damaged or of another run; start a new run without resume"
                )
            began_in = done["done"].get("precision")
            if began_in != device.LIGHTNING[self.precision]:
                raise InputError(
                    f"{folder.path} was begun with precision {began_in}, this machine trains with "
                    f"{device.LIGHTNING[self.precision]}; go on where it began, or start a new run"
                )
            checkpoint.load(folder.best)
            written = done["callbacks"][self.checkpointing.state_key]["files"]
            size = folder.metrics.stat().st_size if folder.metrics.exists() else 0
            if size < written.get(folder.metrics.name, 0):
                raise InputError(
                    f"{folder.metrics} is damaged (shorter than {folder.last.name} says); "
                    "start a new run"
                )
            self._say_if_moved(done["done"].get("devices", []))

    def _say_if_moved(self, devices: list[str]) -> None:
        """Warn that a run which goes on on another kind of device does so, but not bit for bit."""
        if devices and devices[-1] != self.place.type:
            log.warning(
                "%s was trained on %s so far and goes on on %s: its last digits will be others "
                "than those of a run that stays where it began",
                self.folder.path,
                devices[-1],
                self.place.type,
            )

    def _fit(self, last: Path | None) -> tuple[str, str | None]:
        """Train to the end; returns the status and the reason, if there is one."""
        trainer = self._trainer()
        if last is not None:
            done = checkpoint.load(last)["done"]["epochs"]
        self.watcher.started(
            Start(
                folder=self.folder.path,
                parameters=self.result.parameters or 0,
                device=self.result.device or "",
                precision=self.precision,
                seed=self.config.seed,
                corpus=self.data.name,
                train_chars=len(self.data.train),
                epoch=done if last is not None else 0,
                max_epochs=self.config.trainer.max_epochs,
            )
        )
        # Lightning exits at SIGTERM; no option turns that off (pytorch-lightning #5225, closed);
        # the caller decides what a signal means.
        connector: Any = trainer._signal_connector
        connector.register_signal_handlers = lambda: None
        try:
            with warnings.catch_warnings():
                # Lightning 2.6 uses what torch 2.13 deprecates (LeafSpec).
                warnings.filterwarnings("ignore", module=r"pytorch_lightning\.|lightning_fabric")
                warnings.filterwarnings("ignore", message=".*LeafSpec.*")
                trainer.fit(self.module, ckpt_path=last)
        except Diverged as error:
            return "diverged", str(error)
        except Stopped:
            return "interrupted", None
        except TimeOver:
            return "completed", None
        return STATUS[self.checkpointing.decision], None

    def _trainer(self) -> pl.Trainer:
        with warnings.catch_warnings():
            # The training was asked to use no GPU (trainer=cpu).
            warnings.filterwarnings("ignore", message="GPU available but not used")
            return pl.Trainer(
                accelerator=self.place.type,
                devices=1,
                precision=device.LIGHTNING[self.precision],
                max_epochs=self.config.trainer.max_epochs,
                gradient_clip_val=self.config.trainer.grad_clip or None,
                callbacks=[self.checkpointing],
                # Without a named environment Lightning takes a SLURM allocation for many ranks.
                plugins=[SafetensorsIO(), LightningEnvironment()],
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                num_sanity_val_steps=0,
                default_root_dir=self.folder.path,
            )

    def _finish(self) -> None:
        """Load the best epoch's weights, score the test split once, write tunes."""
        weights = checkpoint.load(self.folder.best)["weights"]
        self.network.to(self.place).load_state_dict(weights)
        if self.data.test:
            text = self._read(self.data.test).to(self.place)
            self.result.test_loss, _ = evaluate(self.network, text)
        epoch = self.checkpointing.progress.last.epoch if self.checkpointing.progress.last else 0
        self.samples.write(self.folder.samples, epoch)
        if self.config.samples.measure:
            self.result.measures = measured(
                self.network, self.vocabulary, self.data, self.config.seed
            )

    def _record(self) -> None:
        """Write result.json."""
        progress, result = self.checkpointing.progress, self.result
        if self.module.state_type is not None:
            result.arithmetic["state"] = self.module.state_type
        if len(self.module.devices) > 1:
            result.arithmetic["devices"] = ", ".join(self.module.devices)
        if (best := progress.best) is not None:
            result.val_loss, result.val_accuracy = best.val_loss, best.val_accuracy
            result.train_loss, result.train_accuracy = best.train_loss, best.train_accuracy
            result.best_epoch = best.epoch
        if (last := progress.last) is not None:
            result.epochs, result.val_loss_last = last.epoch, last.val_loss
            result.val_accuracy_best = progress.accuracy_best
            result.seconds, result.chars_per_s = last.seconds, last.chars_per_s
        result.write(self.folder.result)
