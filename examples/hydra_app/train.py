"""An application in the style of lightning-hydra-template; nothing in it is about sweeps.

    python examples/hydra_app/train.py model=wide              one training
    python examples/hydra_app/train.py -m model=wide,deep      a sweep, by `hydra/sweeper: musicgen`

It fits a small network to a noisy curve, and reports the loss to whatever sweep it is part of.
"""

import logging
from pathlib import Path

import hydra
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

import musicgen

log = logging.getLogger(__name__)
OmegaConf.register_new_resolver("twice", lambda number: 2 * number)


def data() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Points of a noisy curve: 400 to train on, 100 to validate."""
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(500, 1, generator=draw) * 6 - 3
    y = torch.sin(2 * x) + 0.1 * torch.randn(500, 1, generator=draw)
    return x[:400], y[:400], x[400:], y[400:]


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(cfg: DictConfig) -> dict[str, float]:
    """One training; returns its validation loss."""
    trial = musicgen.current_trial()
    torch.manual_seed(cfg.seed)
    network = instantiate(cfg.model)
    optimizer = instantiate(cfg.optim, params=network.parameters())
    folder = Path(HydraConfig.get().runtime.output_dir)
    checkpoint, first = folder / "last.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["epoch"]
        log.info("going on after epoch %d", first)
    x, y, val_x, val_y = data()
    for epoch in range(first + 1, cfg.epochs + 1):
        for begin in range(0, len(x), cfg.batch_size):
            optimizer.zero_grad()
            part = slice(begin, begin + cfg.batch_size)
            error = torch.nn.functional.mse_loss(network(x[part]), y[part])
            torch.autograd.backward(error)
            optimizer.step()
        with torch.no_grad():
            loss = torch.nn.functional.mse_loss(network(val_x), val_y).item()
        state = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save({**state, "epoch": epoch}, folder / "draft.pt")
        (folder / "draft.pt").rename(checkpoint)
        trial.report(epoch, loss, last=epoch == cfg.epochs)
        if trial.should_stop():
            break
    log.info("loss %.4f after epoch %d", loss, epoch)
    return {"loss": loss, "epochs": epoch}


if __name__ == "__main__":
    main()
