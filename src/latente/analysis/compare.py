"""Compare models: paired differences with intervals, a ranking where the numbers mean the same, budgets beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.analysis.open_runs import open_runs, share_data
from latente.analysis.power import TYPICAL, seeds_needed
from latente.analysis.ranking import Board, Comparison, Covers, Entry, Gap, Note, Source, budget, order, unequal
from latente.analysis.trained_models import OpenedRun, TrainedModel, by_scale, distinct_models, named
from latente.data.load import AnySource
from latente.data.split import PARTS, Data
from latente.errors import DataError, SpecError, unknown
from latente.evaluation.evaluate import Metric, mean_and_error
from latente.evaluation.metrics.checks import array, vector
from latente.evaluation.metrics.differences import Difference, from_parts, part_of, together
from latente.evaluation.metrics.intervals import LEVEL, bonferroni
from latente.evaluation.run import Run
from latente.evaluation.scores import Score, scores
from latente.evaluation.scores.losses import KEPT, Loss, SquaredError
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

    Runs of one model and training are one model, seeds apart. Its number is the mean over all its seeds; ranks,
    differences and verdicts are all of these means. Models are paired by example (all were evaluated on the same ones,
    with the same keys for their codes), and by seed where they have the same seeds; otherwise the seeds of each have a
    variance of their own. Of a number that is a mean of one value an example, an interval covers other examples, and
    with several seeds other seeds too; of other numbers, other seeds; and with a single seed, other examples as if
    each model had had its own. Intervals hold all together at the level (Bonferroni), p values are corrected for all
    comparisons of the call (Holm): over all scores, scales and pairs.

    A number that was worked out before is kept and not looked at anew. What is new is written into the run's folder,
    where it has one, and looks at the test part are recorded there.

    Args:
        runs: folders of runs or of studies (all runs of it), and what `latente.fit`, `latente.load` and
            `latente.run_study` return.
        scores: names, or tables such as {"name": "nll", "samples": 5000}; by default the loss, the squared error and
            the first number of each score that runs have already, with nothing worked out anew; every further number
            widens all intervals.
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
    notes = [Note("twice", {"run": one.where, "same": other.where}) for one, other in twice]
    whole = scores is not None
    return compared(models, asked, split=split, against=against, level=level, notes=notes, whole=whole)


def compared(
    models: Sequence[TrainedModel],
    asked: Sequence[Score],
    *,
    split: str = "test",
    against: str | None = None,
    level: float = LEVEL,
    notes: Sequence[Note] = (),
    whole: bool = True,
) -> Comparison:
    """As `compare`, of models whose scores are worked out; of each score all ranked numbers, or (not ``whole``) one."""
    drafts: list[tuple[Score, str, bool, str, list[TrainedModel]]] = []
    said = list(notes)
    for score in asked:
        groups = _scales(models, score, said)
        ranked = {column: lower for column, lower in score.columns().items() if lower is not None}
        ranked = ranked if whole else dict(list(ranked.items())[:1])
        if not ranked:
            said.append(Note("unranked", {"score": score.key()}))
        for scale, members in groups.items():
            bare = [m.name for m in members if any(not _has(r, score, split) for r in m.runs)]
            said += [Note("unscored", {"score": score.key(), "model": name}) for name in bare]
            if len(members) == 1 and ranked and not bare:
                said.append(Note("alone", {"score": score.key(), "model": members[0].name, "scale": scale}))
            for column, lower in ranked.items():
                have = [m for m in members if all(column in r.metrics[split] for r in m.runs)]
                if len(have) > 1:
                    drafts.append((score, column, lower, scale, have))
    found: dict[tuple[int, str, str], Callable[..., Difference]] = {}
    about: dict[tuple[int, str, str], Basis] = {}
    boards: list[list[Entry]] = []
    for number, (score, column, lower, _, members) in enumerate(drafts):
        entries = [_entry(m, score, split, column) for m in members]
        entries.sort(key=lambda e: (order(e.value.value, lower), e.model))
        boards.append(entries)
        by_name = {m.name: m for m in members}
        for a, b in combinations([e.model for e in entries], 2):
            if against in (None, a, b):
                key = (number, a, b)
                found[key], about[key] = difference_between(by_name[a], by_name[b], score, split, column)
    told = {k: d for k, d in found.items() if about[k].covers != "nothing"}
    differences = together(told, level=level)
    absent = {k: Difference(d().estimate, 1.0, len(told)) for k, d in found.items() if k not in told}
    gaps: dict[int, list[Gap]] = {}
    for key in found:
        difference = differences.get(key) or absent[key]
        _, column, _, _, members = drafts[key[0]]
        # Ranks and differences are of the same means, so that the first is the better one by both.
        better = key[1] if difference.p_value <= 1 - level else None
        spread = _pooled(members, split, column)
        seeds, source = needed(difference, about[key], over_seeds=spread, level=bonferroni(len(told), level=level))
        gap = Gap(
            key[1], key[2], difference, about[key].seeds, about[key].examples, about[key].covers,
            better, about[key].paired, seeds, source,
        )  # fmt: skip
        gaps.setdefault(key[0], []).append(gap)
    budgets = tuple(budget(m) for m in models)
    return Comparison(
        models=tuple(models),
        split=split,
        level=level,
        boards=tuple(
            Board(score.key(), column, lower, scale, tuple(boards[i]), tuple(gaps.get(i, ())))
            for i, (score, column, lower, scale, _) in enumerate(drafts)
        ),
        notes=tuple(said),
        budgets=budgets,
        unequal=unequal(budgets),
        comparisons=len(told),
    )


def measure(opened: Sequence[OpenedRun], asked: Sequence[Score], split: str, on_score: OnScore | None = None) -> None:
    """Work out what is not known yet, and write it into the folders."""
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
            told = partial(on_score, f"{run.spec.name}: {score.key()}") if on_score else None
            run.score(score, split, told)
        if one.folder is not None and before != _known(run, split):
            run.write(one.folder)


def _known(run: Run, split: str) -> tuple[set[str], bool, int]:
    return set(run.measured.get(split, {})), bool(run.known_examples(split)), len(run.looks)


def mean_of(model: TrainedModel, score: Score, split: str, column: str) -> float:
    """A model's number: the mean over all its seeds. Ranks, differences and verdicts are of this and of no other."""
    rows = _rows(model, score, split, column)
    return float(np.mean([r.metrics[split][column].value for r in model.runs]) if rows is None else rows.mean())


def _entry(model: TrainedModel, score: Score, split: str, column: str) -> Entry:
    """With its standard error over the seeds, of one seed over its examples."""
    known = [r.metrics[split][column] for r in model.runs]
    error = known[0].standard_error
    if len(known) > 1:
        error = mean_and_error(np.array([m.value for m in known])).standard_error
    return Entry(model.name, Metric(mean_of(model, score, split, column), error), len(known))


def _has(run: Run, score: Score, split: str) -> bool:
    return split in run.metrics if score in KEPT else score.key() in run.measured.get(split, {})


def values_of(run: Run, score: Score, split: str, column: str) -> NDArray[np.floating] | None:
    """The value of each example, shape (n,), of which a number is the mean; None where it is none."""
    if score in KEPT:
        return run.known_examples(split).get(column)
    measured = run.measured.get(split, {}).get(score.key())
    return None if measured is None else measured.each(column)


def _rows(model: TrainedModel, score: Score, split: str, column: str) -> Rows | None:
    """The values of each seed and example, shape (seeds, n); None where they are not known of every seed."""
    found = [values_of(r, score, split, column) for r in model.runs]
    known = [np.asarray(v, np.float64) for v in found if v is not None]
    return np.stack(known) if len(known) == len(found) else None


@dataclass(frozen=True)
class Basis:
    """What a difference of two models rests on.

    Attributes:
        seeds: of the model that has fewer; examples: how many, none where only means are known.
        covers: what its interval covers.
        paired: whether by seed too: the two have the same ones.
        over_seeds: standard deviation over seeds of the difference of one pair; None where it is not known.
        over_examples: the same over examples of the difference of the two means; None where it is not known.
        error: standard error over the examples, 0 where the interval does not cover others.
    """

    seeds: int
    examples: int
    covers: Covers
    paired: bool
    over_seeds: float | None
    over_examples: float | None
    error: float


def difference_between(
    first: TrainedModel, second: TrainedModel, score: Score, split: str, column: str
) -> tuple[Callable[..., Difference], Basis]:
    """How much a number of the second is above the first's, as a function of the interval's level; and its basis.

    It is the difference of the two means over all seeds (`mean_of`), so that no three models can contradict each
    other. The interval is paired by example where values are known, and by seed where both have the same seeds;
    otherwise each model's seeds have a variance of their own.
    """
    value = mean_of(second, score, split, column) - mean_of(first, score, split, column)
    paired, seeds = first.seeds == second.seeds, min(len(first.seeds), len(second.seeds))
    known = [_rows(m, score, split, column) for m in (first, second)]
    a, b = known
    parts: list[tuple[float, float]] = []
    examples, own, error = 0, None, 0.0
    if a is not None and b is not None:
        each = array("differences", b.mean(axis=0) - a.mean(axis=0), least=2)
        parts.append(part_of(each))
        examples, own, error = len(each), float(each.std(ddof=1)), math.sqrt(parts[0][0])
    over = None
    if seeds > 1:
        means = [
            np.array([r.metrics[split][column].value for r in m.runs]) if k is None else k.mean(axis=1)
            for m, k in zip((first, second), known, strict=True)
        ]
        spread = [vector("differences", means[1] - means[0])] if paired else [vector("values", m) for m in means]
        parts += [part_of(m) for m in spread]
        over = math.sqrt(sum(float(m.var(ddof=1)) for m in spread))
    covers: Covers = "seeds" if not examples else "both" if seeds > 1 else "examples"
    if not parts:
        # The examples are the same for all seeds of a model, so that its error is that of one of them.
        error = math.hypot(*(float(np.mean([r.metrics[split][column].standard_error for r in m.runs]))
                             for m in (first, second)))  # fmt: skip
        parts, covers = [(error**2, math.inf)], "unpaired" if error > 0 else "nothing"
    return partial(from_parts, value, parts), Basis(seeds, examples, covers, paired, over, own, error)


def needed(
    difference: Difference, basis: Basis, *, over_seeds: float | None = None, level: float = LEVEL
) -> tuple[int | None, Source]:
    """How many seeds would show a difference as large of the models, and where the spread over seeds is from.

    Args:
        difference: as it was found; basis: what it rests on.
        over_seeds: standard deviation over seeds of such a difference, for where the basis has none.
        level: at which a difference is called one.
    """
    spread = basis.over_seeds if basis.over_seeds is not None else over_seeds
    source: Source = "study"
    if spread is None:
        if basis.over_examples is None:
            return None, "none"
        spread, source = TYPICAL * basis.over_examples, "typical"
    return seeds_needed(difference.estimate.value, spread, basis.error, level=level), source


def _pooled(members: Sequence[TrainedModel], split: str, column: str) -> float | None:
    """Standard deviation over seeds of the difference of two models, from those that have several seeds."""
    several = [np.array([r.metrics[split][column].value for r in m.runs]) for m in members if len(m.runs) > 1]
    if not several:
        return None
    squares = sum(float(((v - v.mean()) ** 2).sum()) for v in several)
    return math.sqrt(2 * squares / sum(len(v) - 1 for v in several))


def _asked(opened: Sequence[OpenedRun], asked: Sequence[Score | Part] | None, split: str) -> list[Score]:
    if asked is not None:
        if not asked or isinstance(asked, str | Mapping):
            raise SpecError(f'scores: got {asked!r}; allowed: a list, for instance ["loss", "nll"]')
        return [s if isinstance(s, Score) else scores.make(s) for s in asked]
    return usual([one.run for one in opened], split)


def usual(runs: Sequence[Run], split: str) -> list[Score]:
    """The loss, the squared error, and what any of the runs was scored by."""
    found: dict[str, Score] = {s.key(): s for s in (Loss(), SquaredError())}
    for run in runs:
        for key, measured in run.measured.get(split, {}).items():
            if key not in found and measured.score:
                found[key] = scores.make(measured.score)
    return list(found.values())


def _scales(models: Sequence[TrainedModel], score: Score, said: list[Note]) -> dict[str, list[TrainedModel]]:
    """`by_scale`, with a note for what does not compare."""
    groups = by_scale(models, score)
    for model in groups.pop(None, ()):
        why = score.why_not(model.first)
        said.append(Note("none", {"score": score.key(), "model": model.name, "why": why}))
    found = {scale: members for scale, members in groups.items() if scale is not None}
    if len(found) > 1:
        told = "; ".join(f"{scale} ({', '.join(m.name for m in members)})" for scale, members in found.items())
        said.append(Note("apart", {"score": score.key(), "scales": told}))
    return found
