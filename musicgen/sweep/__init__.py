"""Sweeps that can be killed, resumed, pruned and run in parallel; nothing here knows what is swept.

driver.py is the way in: a `Plan` (what to sweep), an objective (one training), an executor (where
it runs) and a folder make a `Driver`; `run()` starts the sweep or goes on with it.

    space.py, samplers.py, pruners.py   what is tried, and what is cut short
    driver.py, plan.py, results.py      who decides: the only writer of the study
    executor.py, local.py, worker.py    where trials run, and how they talk to the driver
    study.py, journal.py, folder.py     what survives a kill
    table.py, progress.py               what people see

The modules are imported one by one: a worker needs trial.py and worker.py, not Optuna.
"""
