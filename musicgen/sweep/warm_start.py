"""Finished trials of another sweep, which inform the sampler of this one.

They are no trials of this sweep: they are no rows, and count to nothing. Its folder keeps them
(`warm_start.json`), so that it goes on without the other folder.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState, create_trial

from musicgen.config.registry import component, components
from musicgen.errors import InputError, SettingError
from musicgen.sweep.constraints import attributes
from musicgen.sweep.enqueued import complete
from musicgen.sweep.journal import JOURNAL
from musicgen.sweep.plan import Plan, Settings
from musicgen.sweep.record import SweepRecord
from musicgen.sweep.results import means
from musicgen.sweep.space import Point, Space, distributions
from musicgen.sweep.study import read_only, results_of, untrainable_trial
from musicgen.sweep.trial import COMPLETED, DIVERGED, PRUNED
from musicgen.system.files import write_text
from musicgen.system.paths import display_path

FILE = "warm_start.json"
STATES = {TrialState.COMPLETE: COMPLETED, TrialState.PRUNED: PRUNED, TrialState.FAIL: DIVERGED}


@dataclass(frozen=True)
class Earlier:
    """A finished trial of another sweep, at a point of this sweep's space."""

    point: Point
    status: str
    """completed, pruned, or diverged: the configuration could not be trained."""
    values: tuple[float, ...]
    """The objectives; empty unless it completed."""
    steps: Mapping[int, float]
    """The values that it reported, by step."""
    bounds: Mapping[str, float]
    """Its attributes of the plan's constraints."""


@dataclass(frozen=True)
class WarmStart:
    """The trials of another sweep that inform this one."""

    source: str
    """The other sweep's folder."""
    trials: tuple[Earlier, ...]
    left_out: Mapping[str, int]
    """The number of its finished trials that do not inform, by the key in which they differ from
    all configurations of this sweep."""

    @classmethod
    def of(cls, folder: Path, plan: Plan, passing: Sequence[str] = ()) -> "WarmStart":
        """The finished trials of a sweep's folder that are configurations of a plan.

        passing: the beginnings of keys of the settings that may differ. Raises InputError if the
        folder holds no sweep with such trials, or one with other objectives.
        """
        theirs = SweepRecord.read(folder)
        if theirs is None:
            raise SettingError(f"warm_start must be the folder of a sweep, got {folder}")
        if dict(theirs.objectives) != dict(plan.objectives):
            asked, got = (
                ", ".join(f"{key} ({way})" for key, way in each.items())
                for each in (plan.objectives, theirs.objectives)
            )
            raise SettingError(
                f"warm_start must be a sweep that judges by {asked}, got {folder}, which judges by "
                f"{got}"
            )
        if not (folder / JOURNAL).is_file():
            raise SettingError(
                f"warm_start must be a sweep that keeps its study in its folder, got {folder}, "
                "whose study is in a database or lost"
            )
        trials, left_out = list[Earlier](), Counter[str]()
        for trial in read_only(folder).get_trials(deepcopy=False):
            if trial.state == TrialState.FAIL and not untrainable_trial(trial):
                continue  # a failure of the machine
            if trial.state in STATES:
                found = _place(trial, theirs, plan, passing)
                if isinstance(found, str):
                    left_out[found] += 1
                else:
                    trials.append(_earlier(trial, found, plan))
        made = cls(str(folder), tuple(trials), dict(left_out))
        if not trials:
            why = made._differences() or "none has finished"
            raise SettingError(
                f"warm_start must be a sweep with finished trials that are configurations here, "
                f"got {folder} ({why})"
            )
        return made

    @classmethod
    def kept(cls, folder: Path) -> "WarmStart | None":
        """What the folder of a sweep keeps; None if it began without. Raises InputError if the file
        is damaged."""
        try:
            about = json.loads((folder / FILE).read_text())
            trials = tuple(
                Earlier(
                    dict(each["point"]),
                    str(each["status"]),
                    tuple(map(float, each["values"])),
                    {int(step): float(value) for step, value in each["steps"].items()},
                    {str(name): float(value) for name, value in each["bounds"].items()},
                )
                for each in about["trials"]
            )
            return cls(str(about["source"]), trials, dict(about["left_out"]))
        except FileNotFoundError:
            return None
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise InputError(
                f"{folder / FILE} is damaged ({type(error).__name__}: {error}); restore it, or "
                "give the sweep another name"
            ) from None

    def keep(self, folder: Path) -> None:
        """Write what `kept` reads."""
        if not (folder / FILE).exists():
            write_text(folder / FILE, json.dumps(asdict(self), indent=1) + "\n")

    def described(self, sampler: str) -> str:
        """A line about it."""
        place, out = display_path(Path(self.source)), self._differences()
        left = f"; not those that are no configurations here ({out})" if out else ""
        return f"{sampler} knows {len(self.trials):,} finished trials of {place}{left}"

    def frozen(self, sampler: str, space: Space) -> list[FrozenTrial]:
        """The trials as the sampler reads them, numbered from below 0 to -1.

        A trial without a place in the space, which may have grown, is left out. So are the values
        of conditional keys if the sampler does not model such keys.
        """
        known = distributions(space)
        joint = component("sampler", sampler).conditional
        made = []
        for each in self.trials:
            try:
                point = complete(each.point, {}, space)
            except InputError:
                continue
            params = {
                key: space[key].encode(value)
                for key, value in point.items()
                if joint or space[key].only is None
            }
            failed = each.status == DIVERGED
            frozen = create_trial(
                state=next(state for state, status in STATES.items() if status == each.status),
                values=each.values or None,
                params=params,
                distributions={key: known[key] for key in params},
                intermediate_values=dict(each.steps),
                system_attrs=dict(each.bounds),
                user_attrs={"run0": {"status": DIVERGED}} if failed else {},
            )
            made.append(frozen)
        for number, frozen in enumerate(made, start=-len(made)):
            frozen.number = frozen._trial_id = number
        return made

    def _differences(self) -> str:
        return ", ".join(f"{count:,} by {key}" for key, count in self.left_out.items())


def warm_started(
    plan: Plan, asked: str | None, folder: Path, passing: Sequence[str] = ()
) -> WarmStart | None:
    """What informs the sampler of a plan: what the sweep's folder keeps of an earlier start, else
    the trials of the folder `asked`, else nothing.

    Raises SettingError as `WarmStart.of` does, or if the sweep did not begin with this folder, or
    if trials of another sweep can't inform the sampler.
    """
    kept = WarmStart.kept(folder)
    if asked is None and kept is None:
        return None
    names = [name for name, each in components("sampler").items() if each.informed]
    if plan.sampler not in names:
        raise SettingError(f"warm_start needs sampler={' or '.join(names)}, got {plan.sampler}")
    source = None if asked is None else Path(asked).absolute()
    # A folder that was moved or is gone is told by its name; its trials are kept here.
    if kept is not None and (source is None or source.name != Path(kept.source).name):
        raise SettingError(
            f"warm_start must be {display_path(Path(kept.source))}, as when this sweep began, got "
            f"{asked}; give this sweep another name to begin anew"
        )
    if kept is not None or source is None:
        return kept
    if source == folder:
        raise SettingError(f"warm_start must be another sweep, got {asked}, which is this one")
    return WarmStart.of(source, plan, passing)


def _place(trial: FrozenTrial, theirs: SweepRecord, plan: Plan, passing: Sequence[str]) -> Any:
    """The point of a plan that has all values of another sweep's trial, swept and set; else the key
    in which they differ, as text."""
    swept = {
        key: dimension.decode(trial.params[key])
        for key, dimension in theirs.space.items()
        if key in trial.params
    }
    values = {**_settings(theirs.settings, theirs.groups, swept), **swept}
    corpora = [{*each.fingerprint.values()} for each in (plan, theirs)]
    if corpora[0] != corpora[1]:
        return next(iter({**plan.fingerprint, **theirs.fingerprint}))
    differs = ""
    for part in plan.settings or (Settings({}),):
        chosen = dict(zip(plan.groups, part.choices, strict=False))
        key = next((key for key in chosen if values.get(key, chosen[key]) != chosen[key]), None)
        if key is None:
            groups = {*plan.groups, *theirs.groups}
            rest = [key for key in {**part.values, **values} if key not in {*groups, *plan.space}]
            key = next((k for k in rest if _differ(k, part.values, values, plan, passing)), None)
        if key is None:
            return _within(plan.space, {**values, **chosen})
        differs = differs or key
    return differs


def _within(space: Space, values: Mapping[str, Any]) -> Any:
    """The point with these values; if the space has none, the key that is outside of it."""
    found = {key: values[key] for key in space if key in values}
    for key, value in found.items():
        if not space[key].contains(value):
            return key
    try:
        return complete(found, {}, space)
    except InputError:  # the other sweep has no value for a key
        return next((key for key in space if key not in found), next(iter(space)))


def _differ(
    key: str, ours: Mapping[str, Any], theirs: Mapping[str, Any], plan: Plan, passing: Sequence[str]
) -> bool:
    """Whether two settings differ, as text. A key that an older sweep lacks has its value there."""
    first, second = (str(v[key]) if key in v else plan.usual.get(key) for v in (ours, theirs))
    return first != second and not key.startswith(tuple(passing))


def _settings(parts: Sequence[Settings], groups: Sequence[str], point: Point) -> Mapping[str, Any]:
    """The values of the settings at a point, also of those that belong to its choices."""
    taken = tuple(str(point.get(group)) for group in groups)
    return next((part.values for part in parts if part.choices in ((), taken)), {})


def _earlier(trial: FrozenTrial, point: Point, plan: Plan) -> Earlier:
    values = tuple(trial.values) if trial.state == TrialState.COMPLETE else ()
    bounds = attributes(plan.constraints, means(list(results_of(trial).values())))
    return Earlier(point, STATES[trial.state], values, dict(trial.intermediate_values), bounds)
