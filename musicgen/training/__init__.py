"""Training a network: `fit(config, out_dir) -> Result` in fit.py.

This module imports nothing: Lightning takes four seconds, which readers of a checkpoint or a result
do not need.
"""
