"""Our training under Hydra's own sweeper and launcher: one trial after the other, nothing else.

python -m benchmarks.basic_launcher -m optim.lr=0.001,0.002 hydra.sweep.dir=<folder>
"""

from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from musicgen.config import composition
from musicgen.config.keys import TrainConfig
from musicgen.system.paths import shipped
from musicgen.training.fit import fit
from musicgen.training.watcher import Watcher


@hydra.main(version_base=None, config_path=str(shipped("conf")), config_name="train")
def main(cfg: DictConfig) -> None:
    fit(
        composition.checked(cfg, TrainConfig), Path(HydraConfig.get().runtime.output_dir), Watcher()
    )


if __name__ == "__main__":
    composition.register()
    for folder in composition.experiments():
        composition.register_experiments(folder)
    main()
