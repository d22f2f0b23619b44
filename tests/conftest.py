"""Tests run on one thread: pytest-xdist already uses every core."""

import torch
from hypothesis import settings

torch.set_num_threads(1)
# The machines are shared: a deadline would time them, not the code.
settings.register_profile("shared", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=25)  # of `make test-fast`
settings.load_profile("shared")
