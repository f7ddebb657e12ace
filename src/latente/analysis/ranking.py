"""What a comparison finds: rankings, the paired differences behind them, budgets, and what was not ranked and why."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from latente.analysis.trained_models import OpenedRun, TrainedModel, named
from latente.errors import SpecError, unknown
from latente.evaluation.evaluate import Metric
from latente.evaluation.metrics.differences import Difference

IntervalScope = Literal["examples", "seeds", "both", "unpaired", "nothing"]
"""What an interval covers: other examples (for these trained models), other seeds, or both; "unpaired": other examples,
as if the two models had been evaluated on different ones; "nothing": there is no interval."""

SpreadSource = Literal["study", "typical", "none"]
"""Where a spread over seeds is taken from: the runs compared, what is typical (`power.TYPICAL`), or nowhere."""

Subject = Literal["models", "weights"]
"""What a verdict is about: models, however often they are trained, or only these trained weights."""


@dataclass(frozen=True)
class RankedModel:
    """A model's number: the mean over all its seeds and its standard error (of one seed: over the examples)."""

    model: str
    value: Metric
    seeds: int


@dataclass(frozen=True)
class PairedDifference:
    """How much higher a number is for the second model than for the first.

    Attributes:
        first, second: names; the first has the better mean.
        difference: second − first, of the means that rank them, with its interval and p value, corrected for all
            comparisons of the call.
        seeds, examples: how many of each there are (seeds: of the model that has fewer); no examples where only means
            are known.
        covers: what the interval covers.
        better: the model that is shown to be better, at 1 − level; None where neither is. Where `about` is "weights",
            only its trained weights are.
        paired: whether the two have the same seeds and are paired by them.
        seeds_needed: how many seeds of each would show such a difference of the models, with a chance of
            `power.POWER`; None where no number of seeds would, or where the spread over seeds is not known.
        spread_from: where that spread is taken from.
    """

    first: str
    second: str
    difference: Difference
    seeds: int
    examples: int
    covers: IntervalScope
    better: str | None
    paired: bool = True
    seeds_needed: int | None = None
    spread_from: SpreadSource = "none"

    @property
    def about(self) -> Subject:
        """What the interval and the verdict are about."""
        return "models" if self.covers in ("both", "seeds") else "weights"

    def row(self) -> dict[str, Any]:
        """As plain values; None for what is not known."""
        estimate = self.difference.estimate
        interval = {"low": estimate.low, "high": estimate.high, "p_value": self.difference.p_value}
        return {
            "first": self.first,
            "second": self.second,
            "difference": estimate.value,
            **(dict.fromkeys(interval) if self.covers == "nothing" else interval),
            "comparisons": self.difference.comparisons,
            "seeds": self.seeds,
            "examples": self.examples,
            "covers": self.covers,
            "paired_by_seed": self.paired,
            "better": self.better,
            "about": self.about,
            "seeds_needed": self.seeds_needed,
            "spread_from": self.spread_from,
        }


@dataclass(frozen=True)
class Ranking:
    """Models for which a number means the same, from best to worst.

    Attributes:
        score: as `Score.key`; column: which of its numbers; lower: whether less is better.
        scale: what the number is (see `Score.scale`).
        entries: best mean first.
        gaps: the differences of every pair, or of those with the model that was asked for.
    """

    score: str
    column: str
    lower: bool
    scale: str
    entries: tuple[RankedModel, ...]
    gaps: tuple[PairedDifference, ...]


@dataclass(frozen=True)
class ComparisonNote:
    """Something that a reader must know: which sentence says it, and what fills that.

    ``kind`` is "none" (a model has no such number, with the reason), "alone" (no other model has its scale), "apart"
    (a number means different things for different models), "unscored" (a model was not scored by it), "unranked" (no
    model is better by it) or "twice" (a run repeats another and was left out).
    """

    kind: str
    values: dict[str, str]


@dataclass(frozen=True, repr=False)
class Comparison:
    """What `compare` found.

    Attributes:
        models: what was compared.
        split: on which part of the data; level: of all intervals together.
        boards: a ranking for each number and each scale of it that two models or more share.
        notes: what was not ranked or was left out, with the reason.
        budgets: of every model, in their order; unequal: in what they differ.
        comparisons: how many differences the intervals and p values are corrected for.
    """

    models: tuple[TrainedModel, ...]
    split: str
    level: float
    boards: tuple[Ranking, ...]
    notes: tuple[ComparisonNote, ...]
    budgets: tuple[Budget, ...]
    unequal: tuple[str, ...]
    comparisons: int

    def __repr__(self) -> str:
        return f"Comparison({len(self.models)} models, {self.comparisons} differences on {self.split})"

    def text(self, lang: str | None = None) -> str:
        """Tables and notes as `latente compare` prints them; ``lang`` is "en" or "pt", by default the user's locale."""
        import latente

        return latente.text(self, lang)

    def plot(self, *, lang: str | None = None) -> Any:
        """A matplotlib figure of every difference with its interval: see `latente.plot_comparison`."""
        import latente

        return latente.plot_comparison(self, lang)

    def _repr_png_(self) -> bytes:
        picture: bytes = self.plot()._repr_png_()
        return picture

    def rows(self) -> list[dict[str, Any]]:
        """Every difference as a plain row, for instance for ``pandas.DataFrame``; None for what is not known."""
        return [
            {"score": b.score, "column": b.column, "scale": b.scale, "split": self.split, **g.row()}
            for b in self.boards
            for g in b.gaps
        ]

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain values, ready for JSON."""
        return {
            "split": self.split,
            "level": self.level,
            "comparisons": self.comparisons,
            "models": [
                {"name": m.name, "seeds": list(m.seeds), "folders": [o.folder and str(o.folder) for o in m.opened]}
                for m in self.models
            ],
            "budgets": [dataclasses.asdict(b) for b in self.budgets],
            "budgets_differ_in": list(self.unequal),
            "boards": [
                {
                    "score": b.score, "column": b.column, "scale": b.scale, "lower_is_better": b.lower,
                    "values": [{"model": e.model, "seeds": e.seeds, **dataclasses.asdict(e.value)} for e in b.entries],
                    "differences": [g.row() for g in b.gaps],
                }
                for b in self.boards
            ],
            "notes": [{"kind": n.kind, **n.values} for n in self.notes],
        }  # fmt: skip

    def select(self, column: str | None = None) -> Choice:
        """The best run by a number on the validation part: the best seed of the model with the best mean.

        Args:
            column: by which; by default the first on which all models compare.

        Raises:
            SpecError: the comparison is of the test part, or the models do not all compare by the number.
        """
        refuse_test(self.split, "choose a run")
        whole = [b for b in self.boards if len(b.entries) == len(self.models)]
        known = {b.column for b in self.boards}
        if column is not None and column not in known:
            raise SpecError(unknown("number", column, known))
        ranking = next((b for b in whole if column in (None, b.column)), None)
        if ranking is None:
            what = f"{column} does not mean" if column else "no number means"
            raise SpecError(f"select: {what} the same for all models; choose among fewer models, or by another score")
        best = named(self.models, ranking.entries[0].model)
        opened = min(
            best.opened, key=lambda o: best_first(o.run.metrics[self.split][ranking.column].value, ranking.lower)
        )
        # The best model is the first of every difference that it has a part in.
        gaps = [g for g in ranking.gaps if g.first == best.name]
        ties = tuple(g.second for g in gaps if g.better is None)
        about: Subject = "models" if all(g.about == "models" for g in gaps) else "weights"
        return Choice(opened, best.name, ranking.column, ties, about)


@dataclass(frozen=True)
class Choice:
    """A run that was selected on the validation part.

    Attributes:
        opened: the run with its folder.
        model: the name of its model.
        column: the number that it was selected by.
        ties: the models that it is not shown to be better than.
        about: what that is about.
    """

    opened: OpenedRun
    model: str
    column: str
    ties: tuple[str, ...]
    about: Subject


def refuse_test(split: str, what: str) -> None:
    """Refuse to choose anything by the test part.

    Raises:
        SpecError: saying what to do.
    """
    if split == "test":
        raise SpecError(
            f"{what} by the test part: refused, for its numbers would then be too good; choose by split "
            '"validation", and report the test numbers of what was chosen'
        )


def best_first(value: float, lower: bool) -> float:
    """A key that sorts values from best to worst, and what is no number last."""
    return math.inf if math.isnan(value) else value if lower else -value


Span = tuple[float, float]
"""The least and the greatest over the seeds."""


@dataclass(frozen=True)
class Budget:
    """What one model was given; each the least and the greatest over its seeds.

    Attributes:
        model: its name.
        parameters: numbers learnt.
        epochs: passes over the training part, those after the best weights included.
        steps: of the optimizer.
        examples: seen in training, each as often as it was seen.
        seconds: of training, with compilation, on whatever machine it was.
    """

    model: str
    parameters: Span
    epochs: Span
    steps: Span
    examples: Span
    seconds: Span


COUNTED = ("parameters", "epochs", "steps", "examples")
"""What must be equal for budgets to be equal; seconds never are."""


def budget(model: TrainedModel) -> Budget:
    """What a model was given."""
    rows = []
    for run in model.runs:
        size = int(run.card["counts"]["train"])
        epochs = len(run.history["loss"])
        steps = epochs * run.spec.train.steps(size)
        rows.append((run.model.parameters(), epochs, steps, epochs * size, run.seconds))
    return Budget(model.name, *((min(column), max(column)) for column in zip(*rows, strict=True)))


def unequal(budgets: Sequence[Budget]) -> tuple[str, ...]:
    """In which of `COUNTED` the budgets differ, between models or between seeds of one."""
    found = {name: {n for b in budgets for n in getattr(b, name)} for name in COUNTED}
    return tuple(name for name, values in found.items() if len(values) > 1)
