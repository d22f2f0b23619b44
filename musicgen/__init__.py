"""Hyperparameter sweeps over character-level recurrent networks that write folk music."""

__version__ = "0.1.0"
