"""Sweeps that can be killed, resumed, pruned and run in parallel, whatever their objective does.

Start reading at driver.py. A `Driver` is made from a `Plan` (what to sweep), an objective (one
training), an executor (where it runs) and a folder. Its `run()` starts or resumes the sweep.

    space.py, samplers.py, pruners.py   what is tried, and what is cut short
    driver.py, plan.py, results.py      what decides, and alone writes the study
    executor.py, local.py, worker.py    where trials run, and how they talk to the driver
    study.py, journal.py, folder.py     what survives a kill
    table.py, progress.py               what people see

The package imports none of its modules: a worker needs trial.py and worker.py, but not Optuna.
"""
