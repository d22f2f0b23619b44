"""Tests run on one thread: pytest-xdist already uses every core."""

import signal

import torch
from hypothesis import settings

torch.set_num_threads(1)
# The same code gives the same result: `make test` draws the same examples each time, and
# `make test-explore` new ones. The machines are shared: a deadline would time them, not the code.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("fast", settings.get_profile("same"), max_examples=10)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("same")

# A shell ignores these for what it starts in the background, as nohup does; what tests start would
# ignore them too, and some of them press Ctrl-C.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)
