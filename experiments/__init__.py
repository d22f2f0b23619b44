"""The studies of the 2018 report, as an application of musicgen: `python -m experiments`."""
