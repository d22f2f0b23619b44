"""In which precision a GPU is made to compute, shown without one.

Where the code asks whether it is on a CPU it is told no; the rest is the real one.
"""

import contextlib
import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from musicgen.config.registry import components
from musicgen.errors import InputError, Remedy
from musicgen.interpret.activations import record
from musicgen.models import evaluation, layers
from musicgen.models.arithmetic import FP32, TF32, exact, products, widest
from musicgen.models.char_rnn import CharRNN, detach
from musicgen.models.evaluation import _Reading, evaluate
from musicgen.models.stepper import ModuleStepper
from musicgen.training import checkpoint, device, optim
from musicgen.training.fit import fit
from musicgen.training.module import Training
from tests.training.runs import StopAt
from tests.tunes import composed, small

VOCAB, HIDDEN, TIME, BATCH = 11, 7, 5, 3


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not on a CPU, as far as recurrent layers and validation know."""
    monkeypatch.setattr(layers, "on_cpu", lambda x: False)
    monkeypatch.setattr(evaluation, "on_cpu", lambda x: False)


class Types(TorchDispatchMode):
    """The types of all tensors that operations are given, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, list[torch.dtype]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [leaf.dtype for leaf in tree_leaves(args) if isinstance(leaf, Tensor)]
        self.seen.append((str(func), given))
        return func(*args, **(kwargs or {}))


def dispatched(layer: nn.Module, x: Tensor, *, autocast: bool) -> list[Any]:
    with Types() as types, torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out, state = layer(x)
        layer(x, state)
    out.sum().backward()
    assert all(p.grad is not None and p.grad.dtype == p.dtype for p in layer.parameters())
    return types.seen


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("name", components("cell"))
def test_a_gpus_cells_do_the_same_in_autocast_as_without(name: str) -> None:
    layer, x = components("cell")[name]().build(VOCAB, HIDDEN), torch.randn(TIME, BATCH, VOCAB)
    inside = dispatched(layer, x, autocast=True)
    assert inside == dispatched(layer, x, autocast=False)
    assert {kind for _, given in inside for kind in given} <= {torch.float32, torch.int64}
    # PyTorch's own layer does not, or else this would show nothing.
    bare = layer.fused
    assert dispatched(bare, x, autocast=True) != dispatched(bare, x, autocast=False)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("name", components("cell"))
@pytest.mark.parametrize("given", [torch.float32, torch.bfloat16, torch.float16])
def test_a_gpus_cells_take_what_an_autocast_neighbour_gives(name: str, given: torch.dtype) -> None:
    layer, x = components("cell")[name]().build(VOCAB, HIDDEN), torch.randn(TIME, BATCH, VOCAB)
    expected, state = layer(x.to(given).float())
    with torch.autocast("cpu", torch.bfloat16):
        out, _ = layer(x.to(given))
        again, end = layer(x.to(given), tuple(part.to(given) for part in state))
    assert torch.equal(out, expected)
    assert {part.dtype for part in (again, *end)} == {torch.float32}


@pytest.mark.usefixtures("elsewhere")
def test_head_is_bf16_and_gradients_of_a_small_loss_survive() -> None:
    torch.manual_seed(0)
    network = CharRNN(VOCAB, HIDDEN, layers=2, embedding=4, layer_norm=True)
    x = torch.randint(0, VOCAB, (TIME, BATCH))
    gradients = []
    for autocast in (False, True):
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            logits, state = network(x)
            network(x, detach(state))
        assert logits.dtype == (torch.bfloat16 if autocast else torch.float32)
        assert {part.dtype for layer in state for part in layer} == {torch.float32}
        # 1e-9 of a gradient is nothing in fp16, whose least number is 6e-8.
        (1e-9 * logits.float().square().mean()).backward()
        gradients.append([p.grad for p in network.cells.parameters()])
    for wide, narrow in zip(*gradients, strict=True):
        assert wide.dtype == narrow.dtype == torch.float32
        assert (narrow == 0).float().mean() <= (wide == 0).float().mean()
        torch.testing.assert_close(wide, narrow, rtol=0.1, atol=0.05 * float(wide.abs().max()))


def flags() -> tuple[str, str]:
    matmul: Any = torch.backends.cuda.matmul
    return torch.backends.cudnn.rnn.fp32_precision, matmul.fp32_precision


def test_products_are_set_within_and_set_back_after_an_error() -> None:
    before = flags()
    with products(TF32):
        assert flags() == (TF32, TF32)
        with contextlib.suppress(ZeroDivisionError), exact(torch.device("cpu")):
            assert flags() == (FP32, FP32)
            raise ZeroDivisionError
        assert flags() == (TF32, TF32)
    assert flags() == before


@pytest.mark.slow
@pytest.mark.parametrize("precision", [TF32, FP32])
def test_training_steps_alone_may_be_less_than_fp32(
    precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forward and backward of a step as asked; validation, samples and heat map in true fp32."""
    seen: dict[str, set[Any]] = {"forward": set(), "backward": set(), "elsewhere": set()}
    forward = CharRNN.forward

    def spied(self: CharRNN, *args: Any) -> Any:
        logits, state = forward(self, *args)
        if logits.requires_grad:
            seen["forward"].add(flags())
            logits.register_hook(lambda gradient: seen["backward"].add(flags()))
        else:
            seen["elsewhere"].add(flags())
        return logits, state

    monkeypatch.setattr(CharRNN, "forward", spied)
    monkeypatch.setattr(device, "products", lambda name: precision)
    monkeypatch.setattr("musicgen.models.sampler.stepper", ModuleStepper)
    result = fit(composed(*small(tmp_path, "samples.every=1")), tmp_path / "run")
    assert result.status == "completed"
    asked, true = {(precision, precision)}, {(FP32, FP32)}
    assert seen == {"forward": asked, "backward": asked, "elsewhere": true}


def test_hidden_units_are_recorded_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    run = layers.run
    monkeypatch.setattr(layers, "run", lambda *a: (seen.add(flags()), run(*a))[1])
    with products(TF32):
        list(record(CharRNN(VOCAB, HIDDEN), [np.arange(5)], ["hidden", "cell"]))
    assert seen == {(FP32, FP32)}


YES, NO = (lambda: True), (lambda: False)


@pytest.mark.parametrize(
    ("asked", "kind", "able", "expected"),
    [
        ("auto", "cpu", YES, "bf16"),
        ("auto", "cpu", NO, "fp32"),
        ("auto", "cuda", YES, "fp32"),
        ("auto", "mps", YES, "fp32"),
        ("fp32", "cuda", YES, "fp32"),
        ("tf32", "cuda", YES, "tf32"),
        ("bf16", "cuda", YES, "bf16"),
        ("bf16", "cpu", NO, "bf16"),
        ("fp32", "mps", NO, "fp32"),
    ],
)
def test_what_a_precision_comes_to(asked: str, kind: str, able: Any, expected: str) -> None:
    assert device.precision(asked, kind, bf16=able, tf32=able) == expected


@pytest.mark.parametrize(
    ("asked", "kind", "words"),
    [
        (
            "tf32",
            "cpu",
            "trainer.precision=tf32 needs an NVIDIA GPU of the year 2020 or later, got",
        ),
        ("tf32", "cuda", "needs an NVIDIA GPU of the year 2020 or later, got"),
        ("tf32", "mps", "trainer.precision=tf32 is not for Apple's GPUs"),
        ("bf16", "mps", "trainer.precision=bf16 is not for Apple's GPUs"),
    ],
)
def test_a_precision_that_the_device_lacks_is_one_line(asked: str, kind: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        device.precision(asked, kind, bf16=NO, tf32=NO)
    assert "; take fp32" in str(error.value)


@pytest.mark.parametrize(
    ("kind", "precision", "able", "recurrent", "product"),
    [
        ("cuda", "fp32", YES, "fp32", FP32),
        ("cuda", "tf32", YES, "tf32", TF32),
        ("cuda", "bf16", YES, "tf32", TF32),
        ("cuda", "bf16", NO, "fp32", TF32),  # which such a GPU does not know
        ("cpu", "fp32", NO, "fp32", FP32),
        ("cpu", "bf16", NO, "bf16", TF32),  # on a CPU nobody asks
        ("mps", "fp32", NO, "fp32", FP32),
    ],
)
def test_what_is_said_of_a_precision(
    kind: str, precision: str, able: Any, recurrent: str, product: str
) -> None:
    said = {"recurrent": recurrent, "rest": precision}
    assert device.arithmetic_of(kind, precision, tf32=able) == said
    assert device.products(precision) == product


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "model", "state"),
    [("fp32", "lstm", "float32"), ("bf16", "gru", "float32"), ("bf16", "lstm", "bfloat16")],
)
def test_result_says_which_type_the_state_really_had(
    precision: str, model: str, state: str, tmp_path: Path
) -> None:
    overrides = small(tmp_path, f"model={model}", f"trainer.precision={precision}")
    fit(composed(*overrides), tmp_path / "run")
    said = json.loads((tmp_path / "run" / "result.json").read_text())
    expected = {"recurrent": precision, "rest": precision, "state": state}
    assert said["arithmetic"] == expected
    assert said["precision"] == precision


# -- validation where results differ by the number of rows


class Uneven(CharRNN):
    """A network whose state differs in the third digit by the number of texts it reads."""

    read: list[int]

    def forward(self, characters: Tensor, state: Any = None) -> Any:
        self.read.append(characters.shape[1])
        logits, after = super().forward(characters, state)
        off = 1 + 1e-2 / characters.shape[1]
        return logits, [tuple(part * off for part in layer) for layer in after]


@pytest.mark.usefixtures("elsewhere")
def test_a_gpu_reads_as_many_rows_again_as_at_first(caplog: pytest.LogCaptureFixture) -> None:
    """Or else no part would come to agree with itself, and all would be read again and again."""
    torch.manual_seed(0)
    network = Uneven(VOCAB, HIDDEN)
    network.read = []
    text = torch.randint(0, VOCAB, (12_001,))
    loss, _ = evaluate(network, text)
    assert set(network.read) == {32}
    assert len(network.read) <= 3 * 2  # of 375 characters each, in parts of 256
    assert not caplog.records
    network.read = []
    assert loss == pytest.approx(evaluate(network, text, segments=1)[0], abs=1e-2)


@pytest.mark.usefixtures("elsewhere")
def test_passes_are_bounded_on_a_gpu_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """A network that never forgets would need as many as there are segments."""
    torch.manual_seed(0)
    network = CharRNN(VOCAB, HIDDEN)
    fused = network.cells[0].fused
    with torch.no_grad():
        fused.bias_ih_l0[: 2 * HIDDEN] = 30.0
        fused.weight_hh_l0.zero_()
        fused.weight_ih_l0[2 * HIDDEN : 3 * HIDDEN] *= 0.01
    text = torch.randint(0, VOCAB, (12_001,))
    readings = 0
    again = _Reading.again

    def counted(self: _Reading, *args: Any) -> None:
        nonlocal readings
        readings += 1
        again(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Reading, "again", counted)
        loss, _ = evaluate(network, text)
    assert readings == evaluation.PASSES - 1
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith("a text was read in 32 parts, and after 8 passes some still began with")
    caplog.clear()
    exactly, _ = evaluate(network, text, passes=32)
    assert not caplog.records
    assert loss == pytest.approx(exactly, abs=0.05)


# -- the same bits each time, and a word where that can't be


def test_reproducible_settings_hold_within_and_on_a_gpu_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)

    def settings() -> list[Any]:
        return [
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
            torch.utils.deterministic.fill_uninitialized_memory,
        ]

    before = settings()
    with device.reproducible(torch.device("cpu")):
        assert settings() == before
        assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    with contextlib.suppress(ZeroDivisionError), device.reproducible(torch.device("cuda")):
        assert settings() == [True, True, True, False, False]
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        raise ZeroDivisionError
    assert settings() == before


@pytest.mark.slow
def test_a_run_does_not_go_on_on_another_device_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = composed(*small(tmp_path))
    fit(config, tmp_path / "run", StopAt(2, 1))
    last = tmp_path / "run" / "checkpoints" / "last.safetensors"
    content = checkpoint.load(last)
    assert content["done"]["devices"] == ["cpu"]
    content["done"]["devices"] = ["cuda"]
    checkpoint.save(last, content)
    with caplog.at_level(logging.WARNING):
        result = fit(config, tmp_path / "run", StopAt(3, 1), resume=True)
    (line,) = (r.getMessage() for r in caplog.records if "was trained on" in r.getMessage())
    assert "was trained on cuda so far and goes on on cpu: its last digits will be others" in line
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        result = fit(config, tmp_path / "run", resume=True)
    assert not caplog.records
    assert result.arithmetic["devices"] == "cuda, cpu"
    assert json.loads((tmp_path / "run" / "result.json").read_text())["arithmetic"] == (
        result.arithmetic
    )


@pytest.mark.slow
def test_a_checkpoint_of_before_names_no_device_and_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = composed(*small(tmp_path))
    fit(config, tmp_path / "run", StopAt(2, 1))
    last = tmp_path / "run" / "checkpoints" / "last.safetensors"
    content = checkpoint.load(last)
    del content["done"]["devices"], content["done"]["state"]
    checkpoint.save(last, content)
    assert fit(config, tmp_path / "run", resume=True).status == "completed"
    assert not caplog.records


# -- which device


@pytest.mark.slow
def test_trainer_cpu_asks_for_no_gpu_and_is_not_told_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lightning's advice to use the GPU would end this test, where warnings are errors."""

    visible = []

    def asked() -> bool:
        visible.append(os.environ.get("CUDA_VISIBLE_DEVICES"))
        return False

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", asked)
    accelerator = "pytorch_lightning.trainer.setup.CUDAAccelerator.is_available"
    monkeypatch.setattr(accelerator, lambda: True)
    assert fit(composed(*small(tmp_path)), tmp_path / "run").device == "cpu"
    # Lightning does ask, and would start CUDA if it were told that there is one.
    assert set(visible) <= {""}
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def trainer(accelerator: str) -> Any:
    return composed(f"trainer.accelerator={accelerator}").trainer


def test_apples_gpu_is_taken_where_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    place, precision = device.choose(trainer("gpu"))
    assert (place, precision) == (torch.device("mps"), "fp32")
    assert device.name(place) == "mps"
    assert device.choose(trainer("auto"))[0] == torch.device("cpu")


@pytest.mark.slow
def test_apples_gpu_is_given_no_fp64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert widest(torch.device("mps")) == torch.float32
    assert widest(torch.device("cuda")) == widest(torch.device("cpu")) == torch.float64
    made: set[torch.dtype] = set()
    step = Training.training_step

    def spied(self: Training, *args: Any) -> Any:
        with Types() as types:
            loss = step(self, *args)
        made.update(kind for _, given in types.seen for kind in given)
        return loss

    monkeypatch.setattr("musicgen.models.arithmetic.widest", lambda device: torch.float32)
    monkeypatch.setattr(Training, "training_step", spied)
    assert fit(composed(*small(tmp_path)), tmp_path / "run").status == "completed"
    assert torch.float32 in made
    assert torch.float64 not in made


def test_a_driver_that_does_not_fit_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What counts GPUs sees one, and CUDA can't start."""

    def start() -> None:
        raise RuntimeError("The NVIDIA driver on your system is too old\nPlease update")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "init", start)
    monkeypatch.setattr(device, "likely", lambda: True)
    with caplog.at_level(logging.WARNING):
        assert device.choose(trainer("auto"))[0] == torch.device("cpu")
    (record,) = caplog.records
    assert record.getMessage() == (
        "training on the CPU, as no GPU can be used: The NVIDIA driver on your system is too old"
    )
    with pytest.raises(InputError, match=r"got none \(The NVIDIA driver .* old\)$") as caught:
        device.choose(trainer("gpu"))
    assert caught.value.remedy is Remedy.NO_GPU


def test_nadams_scalars_stay_where_they_are_read() -> None:
    """Resuming moves all of an optimizer's state but `step` to the device."""
    network = nn.Linear(2, 2)
    optimizer = torch.optim.NAdam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    for state in optimizer.state.values():
        state["mu_product"] = state["mu_product"].to("meta")
    moved = [state["mu_product"] for state in optimizer.state.values()]
    with pytest.MonkeyPatch.context() as patch:  # a meta tensor has no value to bring back
        patch.setattr(Tensor, "cpu", lambda self: torch.ones(()))
        optim.settle(optimizer)
    assert all(part.is_meta for part in moved)
    assert all(s["mu_product"].device.type == "cpu" for s in optimizer.state.values())
