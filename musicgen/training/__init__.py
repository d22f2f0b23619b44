"""Training a network: `fit(config, out_dir) -> Result` in fit.py.

Nothing is imported here: Lightning takes four seconds, and whoever only reads a checkpoint or a
result does without it.
"""
