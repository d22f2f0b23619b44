"""Tests run on one thread: pytest-xdist already uses every core."""

import signal

import torch
from hypothesis import settings

torch.set_num_threads(1)
# The machines are shared: a deadline would time them, not the code.
settings.register_profile("shared", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=10)  # of `make test-fast`
settings.load_profile("shared")

# A shell ignores these for what it starts in the background, as nohup does; what tests start would
# ignore them too, and some of them press Ctrl-C.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)
