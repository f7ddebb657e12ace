"""What a search varies: settings of a run by name, each a list of choices or a range, and runs with other settings."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import numpy as np

from latente.data.split import Data, Split
from latente.errors import DataError, SpecError, unknown
from latente.evaluation.run import Run
from latente.evaluation.scores import Score, scores
from latente.evaluation.scores.losses import named_part, quantity
from latente.model.likelihoods import likelihoods
from latente.objective.objectives import objectives
from latente.objective.presets import FAMILIES
from latente.spec import ModelSpec, RunSpec, SearchSpec, StudySpec, TrainSpec, got, part, to_python
from latente.training.check import check, model_for

Value = Any

TUNED = "-tuned"
"""What the name of the model that was found ends with, after that of the one that was varied."""

RANGE = ("low", "high", "log", "step")


@dataclass(frozen=True)
class Choices:
    """Different values, of any type."""

    values: tuple[Value, ...]

    def ends(self) -> tuple[Value, ...]:
        """What must be possible for all to be: each of them."""
        return self.values

    def holds(self, value: Value) -> bool:
        """Whether a value is one of them."""
        return any(label(value) == label(one) for one in self.values)


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included; whole ones, or on a logarithmic scale, or so far apart."""

    low: float
    high: float
    log: bool
    step: float | None
    whole: bool

    def ends(self) -> tuple[Value, ...]:
        """Both ends."""
        return (self.low, self.high)

    def holds(self, value: Value) -> bool:
        """Whether a value can be drawn from it."""
        number = isinstance(value, int) if self.whole else isinstance(value, int | float)
        if not number or isinstance(value, bool) or not self.low <= value <= self.high:
            return False
        return self.step is None or abs((value - self.low) / self.step % 1) in (0.0, 1.0)


Space = Mapping[str, Choices | Range]


def label(value: Value) -> str | int | float | bool:
    """A choice as a database and a report have it: as it is, or a list or table as JSON."""
    plain = to_python(value)
    return plain if isinstance(plain, str | int | float | bool) else json.dumps(plain, sort_keys=True)


def space_of(spec: SearchSpec) -> Space:
    """What is varied, by name; names of nested tables are joined by points: "train.learning_rate".

    Raises:
        SpecError: an empty space, a list of fewer than two different choices, or a range that is none.
    """
    return dict(_space("", spec.vary))


def _space(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Choices | Range]]:
    for key, value in table.items():
        name = prefix + key
        if isinstance(value, Mapping) and value and not set(value) & {"low", "high"}:
            yield from _space(f"{name}.", value)
        elif isinstance(value, Mapping):
            yield name, _range(f"search.vary.{name}", value)
        else:
            yield name, _choices(f"search.vary.{name}", value)


def _choices(where: str, value: Any) -> Choices:
    if not isinstance(value, list | tuple) or len({label(v) for v in value}) < max(2, len(value)):
        raise got(where, value, "a list of two or more different choices, or a range such as {low = 2, high = 32}")
    return Choices(tuple(value))


def _range(where: str, table: Mapping[str, Any]) -> Range:
    for key in table:
        if key not in RANGE:
            raise SpecError(f"{where}: {unknown('key', key, RANGE)}")
    low, high, log, step = (table.get(key) for key in RANGE)
    numbers = [v for v in (low, high, step) if v is not None]
    fine = all(isinstance(v, int | float) and not isinstance(v, bool) and np.isfinite(v) for v in numbers)
    if not fine or low is None or high is None or not low < high:
        raise got(where, dict(table), "numbers low and high, low below high")
    if log is not None and not isinstance(log, bool):
        raise got(f"{where}.log", log, "true or false")
    if log and (low <= 0 or step is not None):
        raise got(where, dict(table), "with log = true a low above 0, and no step")
    if step is not None and not 0 < step <= high - low:
        raise got(f"{where}.step", step, f"a number above 0 and at most {high - low:g}")
    return Range(low, high, bool(log), step, all(isinstance(v, int) for v in numbers))


def base_of(spec: StudySpec) -> RunSpec:
    """The run of a study that its search varies.

    Raises:
        SpecError: it is not said which of several, there is none of the name, or the name of what is found is taken.
    """
    assert spec.search is not None
    names = [run.name for run in spec.runs]
    if not spec.search.run and len(names) != 1:
        raise SpecError(f"search.run: got none, and the study has several; allowed: {', '.join(names)}")
    name = spec.search.run or names[0]
    if name not in names:
        raise SpecError(f"search.run: {unknown('run', name, names)}")
    if name + TUNED in names:
        raise SpecError(f'runs: "{name}{TUNED}" is what the search calls what it finds; give that run another name')
    return next(run for run in spec.runs if run.name == name)


def varied(run: RunSpec, values: Mapping[str, Value], **also: Any) -> RunSpec:
    """A run with other settings, and with other fields of its own (``also``), such as its name.

    A setting is a field of the model ("latent_dim", "activation", "objective"), "train." and one of `TrainSpec`, or an
    option of one of the model's parts: "objective.beta", or "beta" alone.

    Raises:
        SpecError: an unknown setting, or a value that it refuses.
    """
    model, train = dict(_fields(run.model)), dict(_fields(run.train))
    # Whole parts first: their options are then those of the parts that are there.
    for name in sorted(values, key=lambda name: name not in FAMILIES):
        family, option = _place(name, model)
        if family == "model":
            model[option] = values[name]
        elif family == "train":
            train[option] = values[name]
        else:
            called, options = part(model[family])
            model[family] = {"name": called, **options, option: values[name]}
    return dataclasses.replace(run, model=ModelSpec(**model), train=TrainSpec(**train), **also)


def settings_of(run: RunSpec, names: Iterator[str] | list[str]) -> dict[str, Value]:
    """What a run has for such settings; None for the option of a part that has no such option."""
    model = dict(_fields(run.model))
    found = {}
    for name in names:
        family, option = _place(name, model)
        if family in ("model", "train"):
            found[name] = to_python(getattr(getattr(run, family), option))
        else:
            called, options = part(model[family])
            usual = inspect.signature(FAMILIES[family][called]).parameters
            found[name] = options.get(option, usual[option].default if option in usual else None)
    return found


def _fields(spec: Any) -> Iterator[tuple[str, Any]]:
    return ((field.name, getattr(spec, field.name)) for field in dataclasses.fields(spec))


def _place(name: str, model: Mapping[str, Any]) -> tuple[str, str]:
    """Where a setting stands: "model", "train" or a part's family, and its name there."""
    family, _, option = name.rpartition(".")
    trained = [field.name for field in dataclasses.fields(TrainSpec)]
    known = {kind: FAMILIES[kind].options(part(model[kind])[0]) for kind in FAMILIES}
    if not family and name in model:
        return "model", name
    if family == "train" and option in trained:
        return "train", option
    homes = [kind for kind, options in known.items() if option in options and family in ("", kind)]
    if len(homes) == 1:
        return homes[0], option
    if len(homes) > 1:
        raise SpecError(f"search.vary.{name}: several parts have it; write {' or '.join(f'{h}.{name}' for h in homes)}")
    names = [*model, *(f"train.{t}" for t in trained), *(f"{k}.{o}" for k, options in known.items() for o in options)]
    raise SpecError(f"search.vary: {unknown('setting', name, names)}")


def without_test(data: Data) -> Data:
    """Data as trials see it: its test part is empty."""

    def none(values: Any) -> Any:
        return None if values is None else values[:0]

    return dataclasses.replace(data, test=Split(*(none(getattr(data.test, f.name)) for f in dataclasses.fields(Split))))


def first_number(score: Score) -> tuple[str, bool]:
    """The number that a score ranks by, and whether less is better.

    Raises:
        SpecError: it ranks nothing.
    """
    for column, lower in score.columns().items():
        if lower is not None:
            return column, lower
    raise SpecError(f"search.by: nothing is ranked by {score.key()}; take another score, such as loss, mse or nll")


def check_search(spec: StudySpec, data: Data) -> Space:
    """What a study's search varies, after trying every choice and both ends of every range, each by itself.

    Raises:
        SpecError: an empty space, an unknown setting, a value that is refused, or trials whose numbers mean different
            things. DataError: settings that do not go with the data.
    """
    assert spec.search is not None
    search, base = spec.search, base_of(spec)
    space = space_of(search)
    score = scores.make(search.by)
    first_number(score)
    seen = without_test(data)
    scales: dict[str, str] = {}
    elbos: dict[str, str] = {}
    for name, values in [("", Choices((None,))), *space.items()]:
        for value in values.ends():
            said = f"search.vary.{name} = {label(value)}" if name else "the default"
            try:
                run = varied(base, {name: value} if name else {}, data=data.spec)
                check(run, seen)
            except (SpecError, DataError) as error:
                raise type(error)(f"{said}: {error}" if name else f"{error}") from None
            model = eqx.filter_eval_shape(model_for, run, seen)
            blank = Run(run, model, {}, None, 0.0, data.card(), {}, seen)
            scale = score.scale(blank)
            if scale is None:
                raise SpecError(f"search.by: {score.key()} means nothing for {said}: {score.unsupported(blank)}")
            scales.setdefault(str(scale), said)
            elbos.setdefault(_elbo_of(run), said)
    if len(scales) > 1:
        (a, first), (b, second) = list(scales.items())[:2]
        raise SpecError(
            f"search.by: {score.key()} does not compare these trials: of {first} it is {a}, of {second} {b}; take a "
            "score that does, such as nll or mse"
        )
    if len(elbos) > 1 and search.pruner != "none":
        (a, first), (b, second) = list(elbos.items())[:2]
        raise SpecError(
            f"search.pruner: the validation ELBO does not compare these trials: of {first} it is of {a}, of {second} "
            f'of {b}; take pruner = "none"'
        )
    return space


def _elbo_of(run: RunSpec) -> str:
    """What `elbo_of` is of: alike for trials that it compares."""
    likelihood = named_part(run.model.likelihood, likelihoods)
    return str(likelihood) if _in_two(run) else f"{quantity(run.model.objective)}, {likelihood}"


def _in_two(run: RunSpec) -> bool:
    weights = objectives.make(run.model.objective).weights()
    return weights is not None and set(weights) == {"reconstruction", "kl"}


def elbo_of(run: RunSpec, logs: Mapping[str, float]) -> float:
    """The negative validation ELBO of an epoch, in nats: reconstruction and KL whatever their weights in the loss; of
    an objective that has no such two parts, its own validation loss."""
    return logs["val_reconstruction"] + logs["val_kl"] if _in_two(run) else logs["val_loss"]
