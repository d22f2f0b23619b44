"""The machine: paths, files that survive a kill, locks, signals and GPUs."""
