"""Our own values, as the files in conf/ have them, read without Hydra."""

from functools import cache
from typing import Any

from omegaconf import OmegaConf

from musicgen.system.paths import shipped


@cache
def conf(name: str) -> dict[str, Any]:
    """The content of conf/<name>.yaml, such as `train` or `sampler/tpe`; empty if there is no such
    file. Interpolations are unresolved."""
    path = shipped("conf") / f"{name}.yaml"
    if not path.is_file():
        return {}
    values = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}
