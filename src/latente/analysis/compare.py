"""Compare models: rankings where their numbers mean the same, paired differences with intervals, and budgets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.analysis.open_runs import open_runs, share_data
from latente.analysis.power import TYPICAL, seeds_needed
from latente.analysis.ranking import (
    Comparison,
    ComparisonNote,
    IntervalScope,
    PairedDifference,
    RankedModel,
    Ranking,
    SpreadSource,
    best_first,
    budget,
    unequal,
)
from latente.analysis.trained_models import OpenedRun, TrainedModel, by_scale, distinct_models, named
from latente.data.load import AnySource
from latente.data.split import PARTS, Data
from latente.errors import DataError, SpecError, unknown
from latente.evaluation.metrics.checks import array, vector
from latente.evaluation.metrics.differences import Difference, from_parts, part_of, together
from latente.evaluation.metrics.intervals import LEVEL, bonferroni
from latente.evaluation.run import Run
from latente.evaluation.scores import Score, scores
from latente.evaluation.scores.losses import KEPT, Loss, SquaredError
from latente.language.message import Message
from latente.spec import Part

Rows = NDArray[np.float64]

OnScore = Callable[[str, int, int], object]
"""Called with (what is worked out, examples done, of how many)."""


def compare(
    runs: Iterable[Any],
    scores: Sequence[Score | Part] | None = None,
    *,
    split: str = "test",
    against: str | None = None,
    level: float = LEVEL,
    data: Data | AnySource | None = None,
    on_score: OnScore | None = None,
) -> Comparison:
    """Compare models over their seeds and examples.

    Runs that differ by their seed only are one model. Its number is the mean over all its seeds; ranks, differences and
    verdicts are all of these means. Models are paired by example (all were evaluated on the same ones, with the same
    keys for their codes) and, where they have the same seeds, by seed; otherwise each model's seeds have a variance of
    their own.

    What an interval covers depends on the number. If it is a mean of one value an example: other examples and, with
    several seeds, other seeds. If it is anything else: other seeds or, with a single seed, other examples, as if each
    model had been evaluated on different ones. All intervals hold together at the level, over all scores, scales and
    pairs of the call (Bonferroni): a model is called better where the interval leaves out zero, which is where
    p ≤ 1 − level.

    What is known already is not worked out again. What is new is written into the run's folder, where it has one, and
    accesses to the test part are recorded there.

    Args:
        runs: folders of runs or of studies (all runs of it), and what `latente.fit`, `latente.load` and
            `latente.run_study` return.
        scores: names, or tables such as {"name": "nll", "samples": 5000}; by default the loss, the squared error and
            the first number of each score that the runs have already. Every further number widens all intervals.
        split: "test" to report, "validation" to choose, or "train".
        against: the name of a model, to compare all others with it and not with each other.
        level: of all intervals together.
        data: what the runs were trained on, or where it is now, where it cannot be read again as it was.
        on_score: called while scores are worked out.

    Raises:
        SpecError: fewer than two models; runs of different data or splits; an unknown score, model or split.
        StoreError: a folder that is missing, foreign, damaged or not finished.
        DataError: the data is gone or has changed.
    """
    if split not in PARTS:
        raise DataError(unknown("split", split, PARTS))
    opened = open_runs(runs, data)
    models, twice = distinct_models(opened)
    if len(models) < 2:
        raise SpecError(
            f"compare: got {len(opened)} run{'s' * (len(opened) != 1)} of "
            f"{models[0].name if models else 'nothing'}; allowed: runs of at least two models, or a study's folder"
        )
    if against is not None:
        named(models, against)
    asked = _asked(opened, scores, split)
    if any(s not in KEPT for s in asked):
        share_data(opened)
    measure(opened, [s for s in asked if scores is not None or s in KEPT], split, on_score)
    notes = [ComparisonNote("twice", {"run": one.where, "same": other.where}) for one, other in twice]
    whole = scores is not None
    return compared(models, asked, split=split, against=against, level=level, notes=notes, whole=whole)


def compared(
    models: Sequence[TrainedModel],
    asked: Sequence[Score],
    *,
    split: str = "test",
    against: str | None = None,
    level: float = LEVEL,
    notes: Sequence[ComparisonNote] = (),
    whole: bool = True,
) -> Comparison:
    """As `compare`, for models whose scores are known: by all ranked numbers of each, or its first (not ``whole``)."""
    all_notes = list(notes)
    rankings: list[Ranking] = []
    contrasts: dict[tuple[int, str, str], Contrast] = {}
    spreads: list[float | None] = []
    for score in asked:
        for column, lower, scale, members in _comparable(models, score, split, all_notes, whole=whole):
            means = {m: mean_of(m, score, split, column) for m in members}
            members.sort(key=lambda m: (best_first(means[m], lower), m.name))
            for a, b in combinations(members, 2):
                if against in (None, a.name, b.name):
                    contrasts[len(rankings), a.name, b.name] = contrast(a, b, score, split, column)
            known = {m: m.metric(split, column) for m in members}
            entries = (RankedModel(m.name, replace(k, value=means[m]), len(m.runs)) for m, k in known.items() if k)
            rankings.append(Ranking(score.key(), column, lower, scale, tuple(entries), ()))
            spreads.append(_pooled(members, split, column))
    covered = {key: c.difference for key, c in contrasts.items() if c.covers != "nothing"}
    corrected, single = together(covered, level=level), bonferroni(len(covered), level=level)
    gaps: dict[int, list[PairedDifference]] = {}
    for key, c in contrasts.items():
        number, first, second = key
        difference = corrected.get(key) or Difference(c.difference().estimate, 1.0, len(covered))
        seeds, source = c.seeds_needed(over_seeds=spreads[number], level=single)
        # Ranks and differences are of the same means, so that the first is the better one by both.
        better = first if difference.shown and c.covers != "nothing" else None
        gap = PairedDifference(
            first, second, difference, c.seeds, c.examples, c.covers, better, c.paired, seeds, source
        )
        gaps.setdefault(number, []).append(gap)
    budgets = tuple(budget(m) for m in models)
    return Comparison(
        models=tuple(models),
        split=split,
        level=level,
        boards=tuple(replace(b, gaps=tuple(gaps.get(i, ()))) for i, b in enumerate(rankings)),
        notes=tuple(all_notes),
        budgets=budgets,
        unequal=unequal(budgets),
        comparisons=len(covered),
    )


def _comparable(
    models: Sequence[TrainedModel], score: Score, split: str, notes: list[ComparisonNote], *, whole: bool
) -> Iterator[tuple[str, bool, str, list[TrainedModel]]]:
    """Each ranked number of a score: whether less is better, one of its scales, and the two models or more on it.

    For what does not compare, notes are added to ``notes``.
    """
    key = score.key()
    scales = by_scale(models, score)
    for model in scales.pop(None, ()):
        notes.append(
            ComparisonNote("none", {"score": key, "model": model.name, "why": score.unsupported(model.first) or ""})
        )
    if len(scales) > 1:
        names = {scale: ", ".join(m.name for m in members) for scale, members in scales.items()}
        each = tuple(Message("compare.of", text=f"{s} ({n})", scale=s or "", models=n) for s, n in names.items())
        notes.append(ComparisonNote("apart", {"score": key, "scales": Message("compare.apart", scales=each)}))
    ranked = [(column, lower) for column, lower in score.columns().items() if lower is not None]
    if not ranked:
        notes.append(ComparisonNote("unranked", {"score": key}))
    for scale, members in scales.items():
        bare = [m.name for m in members if not all(_has(r, score, split) for r in m.runs)]
        notes += [ComparisonNote("unscored", {"score": key, "model": name}) for name in bare]
        if len(members) == 1 and ranked and not bare:
            notes.append(ComparisonNote("alone", {"score": key, "model": members[0].name, "scale": scale or ""}))
        for column, lower in ranked if whole else ranked[:1]:
            have = [m for m in members if all(column in r.metrics[split] for r in m.runs)]
            if len(have) > 1:
                yield column, lower, scale or "", have


def measure(opened: Sequence[OpenedRun], asked: Sequence[Score], split: str, on_score: OnScore | None = None) -> None:
    """Work out the scores that are not known yet, and write them into the runs' folders."""
    new = [s for s in asked if s not in KEPT]
    for one in opened:
        run = one.run
        before = _known(run, split)
        if not {s.key() for s in new} <= set(run.measured.get(split, {})) or split not in run.metrics:
            share_data(opened)
        run.evaluate(split)
        if len(new) < len(asked) and not run.known_examples(split):
            share_data(opened)
            run.per_example(split)
        for score in new:
            on_batch = partial(on_score, f"{run.spec.name}: {score.key()}") if on_score else None
            run.score(score, split, on_batch)
        if one.folder is not None and before != _known(run, split):
            run.write(one.folder)


def _known(run: Run, split: str) -> tuple[set[str], bool, int]:
    return set(run.measured.get(split, {})), bool(run.known_examples(split)), len(run.test_accesses)


def _has(run: Run, score: Score, split: str) -> bool:
    return split in run.metrics if score in KEPT else score.key() in run.measured.get(split, {})


def values_of(model: TrainedModel, score: Score, split: str, column: str) -> Rows | None:
    """The values whose mean a number is, shape (seeds, examples); None where it is no mean over examples, or where the
    values of a seed are not known."""
    if score in KEPT:
        found = [r.known_examples(split).get(column) for r in model.runs]
    else:
        measured = [r.measured.get(split, {}).get(score.key()) for r in model.runs]
        found = [None if m is None else m.each(column) for m in measured]
    known = [np.asarray(v, np.float64) for v in found if v is not None]
    return np.stack(known) if len(known) == len(found) else None


def mean_of(model: TrainedModel, score: Score, split: str, column: str) -> float:
    """A model's number: the mean over all its seeds. Ranks, differences and verdicts are of this and of no other."""
    rows = values_of(model, score, split, column)
    return float(np.mean(model.over_seeds(split, column)) if rows is None else rows.mean())


@dataclass(frozen=True)
class Contrast:
    """How much higher a number is for one model than for another, before the level of its interval is known.

    Attributes:
        value: the difference of the two means over all seeds (`mean_of`).
        parts: the variances of its independent parts, each with its degrees of freedom.
        seeds: of the model that has fewer; examples: how many, none where only means are known.
        covers: what its interval covers.
        paired: whether the two have the same seeds and are paired by them.
        spread: standard deviation over seeds of the difference of one pair; None where it is not known.
        over_examples: the same over examples of the difference of the two means; None where it is not known.
        error: standard error over the examples, 0 where the interval does not cover others.
    """

    value: float
    parts: Sequence[tuple[float, float]]
    seeds: int
    examples: int
    covers: IntervalScope
    paired: bool
    spread: float | None
    over_examples: float | None
    error: float

    def difference(self, *, level: float = LEVEL) -> Difference:
        """With its interval and p value."""
        return from_parts(self.value, self.parts, level=level)

    def seeds_needed(self, *, over_seeds: float | None = None, level: float = LEVEL) -> tuple[int | None, SpreadSource]:
        """How many seeds it would take to show such a difference of the models, and where the spread is taken from.

        Args:
            over_seeds: standard deviation over seeds of such differences, where that of this one is not known.
            level: at which it is to be shown.
        """
        spread = over_seeds if self.spread is None else self.spread
        source: SpreadSource = "study"
        if spread is None:
            if self.over_examples is None:
                return None, "none"
            spread, source = TYPICAL * self.over_examples, "typical"
        return seeds_needed(self.value, spread, self.error, level=level), source


def contrast(first: TrainedModel, second: TrainedModel, score: Score, split: str, column: str) -> Contrast:
    """How much higher a number is for the second model than for the first.

    It is the difference of the two means over all seeds, so that no three models can contradict each other. The
    interval is paired by example where values are known, and by seed where both have the same seeds; otherwise each
    model's seeds have a variance of their own.
    """
    value = mean_of(second, score, split, column) - mean_of(first, score, split, column)
    paired, seeds = first.seeds == second.seeds, min(len(first.seeds), len(second.seeds))
    a, b = (values_of(m, score, split, column) for m in (first, second))
    parts: list[tuple[float, float]] = []
    examples, over_examples, error, spread = 0, None, 0.0, None
    if a is not None and b is not None:
        each = array("differences", b.mean(axis=0) - a.mean(axis=0), least=2)
        parts.append(part_of(each))
        examples, over_examples, error = len(each), float(each.std(ddof=1)), math.sqrt(parts[0][0])
    if seeds > 1:
        means = [m.over_seeds(split, column) if k is None else k.mean(axis=1) for m, k in ((first, a), (second, b))]
        moves = [vector("differences", means[1] - means[0])] if paired else [vector("values", m) for m in means]
        parts += [part_of(m) for m in moves]
        spread = math.sqrt(sum(float(m.var(ddof=1)) for m in moves))
    covers: IntervalScope = "seeds" if not examples else "both" if seeds > 1 else "examples"
    if not parts:
        # The examples are the same for all seeds of a model, so that its error is that of one of them.
        errors = ([r.metrics[split][column].standard_error for r in m.runs] for m in (first, second))
        error = math.hypot(*(float(np.mean(e)) for e in errors))
        parts, covers = [(error**2, math.inf)], "unpaired" if error > 0 else "nothing"
    return Contrast(value, parts, seeds, examples, covers, paired, spread, over_examples, error)


def _pooled(models: Sequence[TrainedModel], split: str, column: str) -> float | None:
    """Standard deviation over seeds of the difference of two models, from those that have several seeds."""
    several = [m.over_seeds(split, column) for m in models if len(m.runs) > 1]
    if not several:
        return None
    squares = sum(float(((v - v.mean()) ** 2).sum()) for v in several)
    return math.sqrt(2 * squares / sum(len(v) - 1 for v in several))


def _asked(opened: Sequence[OpenedRun], asked: Sequence[Score | Part] | None, split: str) -> list[Score]:
    if asked is not None:
        if not asked or isinstance(asked, str | Mapping):
            raise SpecError(f'scores: got {asked!r}; allowed: a list, for instance ["loss", "nll"]')
        return [s if isinstance(s, Score) else scores.make(s) for s in asked]
    return default_scores([one.run for one in opened], split)


def default_scores(runs: Sequence[Run], split: str) -> list[Score]:
    """The loss, the squared error, and every score that a run has already."""
    found: dict[str, Score] = {s.key(): s for s in (Loss(), SquaredError())}
    for run in runs:
        for key, measured in run.measured.get(split, {}).items():
            if key not in found and measured.score:
                found[key] = scores.make(measured.score)
    return list(found.values())
