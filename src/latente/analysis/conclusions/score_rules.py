"""Rules over the numbers of one score: what they read, how they judge, and what models are told by them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.analysis.conclusions.claims import Number, Verdict, all_of
from latente.evaluation.measured import Measured
from latente.evaluation.metrics.influence import Stat, combine
from latente.evaluation.metrics.intervals import Estimate, Z, normal_interval
from latente.evaluation.metrics.intervals import minus as minus

Facts = Mapping[str, Number | Estimate]


@dataclass(frozen=True)
class Found:
    """What one run has of one score.

    Attributes:
        model: the run's name; ``seed`` its seed.
        score: the score's name; ``key`` what it is kept as, with its options.
        measured: its numbers and arrays.
    """

    model: str
    seed: int
    score: str
    key: str
    measured: Measured

    def estimate(self, column: str) -> Estimate | None:
        """A number with its normal 95% interval, by its name without the options; None where it is not there."""
        return self._read(column + self.suffix)

    def own(self, name: str) -> Estimate | None:
        """The same of a column that begins with the key, as those of bounds do: "nll_1000_gain"."""
        return self._read(f"{self.key}_{name}")

    def _read(self, column: str) -> Estimate | None:
        metric = self.measured.values.get(column)
        if metric is None or not math.isfinite(metric.value):
            return None
        return normal_interval(metric.value, metric.standard_error)

    @property
    def suffix(self) -> str:
        """The options that are not the score's defaults, as its columns have them behind their names."""
        return self.key.removeprefix(self.score)

    def array(self, name: str) -> NDArray[Any] | None:
        """An array by its name; None where it was not kept."""
        return np.asarray(self.measured.arrays[name]) if name in self.measured.arrays else None


@dataclass(frozen=True)
class Rule:
    """One sentence about a score's numbers.

    Attributes:
        name: of its words, ``told.NAME``: ``text``, the claim, and ``evidence``, its numbers.
        score: whose numbers it reads.
        read: the numbers that its words and its verdict take, or None where the rule means nothing for a run. Of a
            rule over several models it is given them all, each as the list of its seeds.
        judge: the verdict on what was read.
        holds, fails: made-up numbers of which it holds, and of which it does not.
        several: whether it compares models.
    """

    name: str
    score: str
    read: Callable[..., Facts | None]
    judge: Callable[[Facts], Verdict]
    holds: Facts
    fails: Facts
    several: bool = False


@dataclass(frozen=True)
class Told:
    """What a rule says of a model (or of several, by ``model`` of the first).

    Attributes:
        rule: which one.
        model: whom it is about.
        verdict: of all its seeds: holds or fails where every one does, else unknown.
        facts: what was read, one for each seed, with the seed's number.
    """

    rule: Rule
    model: str
    verdict: Verdict
    facts: tuple[tuple[int, Facts], ...]


rules: dict[str, Rule] = {}


def found_of(model: str, seed: int, measured: Mapping[str, Measured]) -> list[Found]:
    """What a run has measured on one part (``Run.measured[split]``), for those scores that have rules."""
    names = sorted({r.score for r in rules.values()}, key=len, reverse=True)
    found = []
    for key, one in measured.items():
        score = next((n for n in names if key == n or key.startswith(f"{n}_")), None)
        if score is not None:
            found.append(Found(model, seed, score, key, one))
    return found


def rule(
    name: str, score: str, read: Callable[..., Facts | None], *, holds: Facts, fails: Facts, several: bool = False
) -> Callable[[Callable[[Facts], Verdict]], Callable[[Facts], Verdict]]:
    """Decorator: the function below judges what ``read`` reads; see `Rule`."""

    def add(judge: Callable[[Facts], Verdict]) -> Callable[[Facts], Verdict]:
        if name in rules:
            raise ValueError(f'rule "{name}" is registered twice')
        rules[name] = Rule(name, score, read, judge, holds, fails, several)
        return judge

    return add


def tell(found: Sequence[Found]) -> list[Told]:
    """Every rule that can say something of these runs, by score in the order of the rules, then model by model."""
    told: list[Told] = []
    for each in rules.values():
        mine = [f for f in found if f.score == each.score]
        if each.several:
            told += _among(each, mine)
            continue
        for model, key in dict.fromkeys((f.model, f.key) for f in mine):
            read = [(f.seed, each.read(f)) for f in mine if (f.model, f.key) == (model, key)]
            facts = tuple((seed, numbers) for seed, numbers in read if numbers is not None)
            if facts:
                told.append(Told(each, model, agreed([each.judge(numbers) for _, numbers in facts]), facts))
    order = list(dict.fromkeys(r.score for r in rules.values()))
    return sorted(told, key=lambda t: order.index(t.rule.score))


def agreed(verdicts: Sequence[Verdict]) -> Verdict:
    """Of several seeds: what all of them say, and unknown where they differ."""
    return all_of(verdicts) if len(set(verdicts)) == 1 else "unknown"


def _among(each: Rule, found: Sequence[Found]) -> list[Told]:
    told = []
    for key in dict.fromkeys(f.key for f in found):
        models: dict[str, list[Found]] = {}
        for f in found:
            if f.key == key:
                models.setdefault(f.model, []).append(f)
        facts = each.read(list(models.values()))
        if facts is not None:
            told.append(Told(each, str(facts["model"]), each.judge(facts), ((0, facts),)))
    return told


def over_seeds(runs: Sequence[Found], column: str) -> Estimate | None:
    """A number of one model over its seeds: their mean, its interval over examples and, of several, over seeds."""
    read = [f.estimate(column) for f in runs]
    known = [e for e in read if e is not None]
    if len(known) < len(read):
        return None
    return combine([Stat(e.value, (), ((e.high - e.low) / (2 * Z)) ** 2) for e in known])


def estimate(facts: Facts, name: str) -> Estimate:
    """A number with its interval, of what was read."""
    value = facts[name]
    assert isinstance(value, Estimate)
    return value
