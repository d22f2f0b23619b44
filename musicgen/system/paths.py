"""Paths: the configuration in a checkout or in an installed wheel, and run folders."""

import os
from pathlib import Path

from musicgen.errors import InputError

PACKAGE = Path(__file__).parent.parent


def shipped(name: str) -> Path:
    """The folder conf or experiments: inside the package in a wheel, beside it in a checkout."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def in_name(number: float) -> str:
    """A number as file names have it, such as 1, 0.5 or 1e-05; different numbers give different
    names."""
    return repr(float(number)).removesuffix(".0")


def make_folder(path: Path, key: str) -> Path:
    """Create a folder that can be written. Raises InputError naming the configuration key."""
    try:
        make_writable(path)
    except OSError as error:
        raise InputError(
            f"{key} must be a folder that can be written, got {path} ({error.strerror}); "
            "choose another"
        ) from None
    return path


def make_writable(path: Path) -> None:
    """Create a folder, and a file in it that is removed again. Raises OSError."""
    path.mkdir(parents=True, exist_ok=True)
    probe = path / f".probe.{os.getpid()}"
    probe.touch()
    probe.unlink()


def display_path(path: Path) -> str:
    """A path as the user would type it: relative where it lies below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
