"""Compare models: paired differences with intervals, a ranking where the numbers mean the same, budgets beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.split import PARTS, Data
from latente.errors import DataError, SpecError, unknown
from latente.evaluation.comparison.boards import Board, Comparison, Covers, Entry, Gap, Note, order
from latente.evaluation.comparison.budget import budget, unequal
from latente.evaluation.comparison.contenders import Contender, Opened, contenders, named, open_runs, share_data
from latente.evaluation.evaluate import Metric, mean_and_error
from latente.evaluation.findings.measures import LEVEL
from latente.evaluation.metrics.differences import (
    Difference,
    difference_of_errors,
    difference_over_seeds,
    mean_difference,
    together,
)
from latente.evaluation.run import Run
from latente.evaluation.scores import Score, scores
from latente.evaluation.scores.losses import KEPT, Loss, SquaredError
from latente.spec import Part

OnScore = Callable[[str, int, int], object]
"""Called with (what is worked out, examples done, of how many)."""


def compare(
    runs: Iterable[Any],
    scores: Sequence[Score | Part] | None = None,
    *,
    split: str = "test",
    against: str | None = None,
    level: float = LEVEL,
    data: Data | None = None,
    on_score: OnScore | None = None,
) -> Comparison:
    """Compare models over their seeds and examples.

    Runs of one model and training are one model, seeds apart. Models are paired by example (all were evaluated on the
    same ones, with the same keys for their codes) and by seed; where two models have no seed in common, the seeds are
    paired in their order. Of a number that is a mean of one value an example, an interval covers other examples, and
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
        data: what the runs were trained on, where it cannot be read again.
        on_score: called while scores are worked out.

    Raises:
        SpecError: fewer than two models; runs of different data or splits; an unknown score, model or split.
        StoreError: a folder that is missing, foreign, damaged or not finished.
        DataError: the data is gone or has changed.
    """
    if split not in PARTS:
        raise DataError(unknown("split", split, PARTS))
    opened = open_runs(runs, data)
    models, twice = contenders(opened)
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
    models: Sequence[Contender],
    asked: Sequence[Score],
    *,
    split: str = "test",
    against: str | None = None,
    level: float = LEVEL,
    notes: Sequence[Note] = (),
    whole: bool = True,
) -> Comparison:
    """As `compare`, of models whose scores are worked out; of each score all ranked numbers, or (not ``whole``) one."""
    drafts: list[tuple[Score, str, bool, str, list[Contender]]] = []
    said = list(notes)
    for score in asked:
        groups = _by_scale(models, score, said)
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
    about: dict[tuple[int, str, str], tuple[int, int, Covers]] = {}
    boards: list[list[Entry]] = []
    for number, (score, column, lower, _, members) in enumerate(drafts):
        entries = [Entry(m.name, over_seeds(m, split, column), len(m.runs)) for m in members]
        entries.sort(key=lambda e: order(e.value.value, lower))
        boards.append(entries)
        by_name = {m.name: m for m in members}
        for a, b in combinations([e.model for e in entries], 2):
            if against in (None, a, b):
                key = (number, a, b)
                found[key], about[key] = difference_between(by_name[a], by_name[b], score, split, column)
    told = {k: d for k, d in found.items() if about[k][2] != "nothing"}
    differences = together(told, level=level)
    absent = {k: Difference(d().estimate, 1.0, len(told)) for k, d in found.items() if k not in told}
    gaps: dict[int, list[Gap]] = {}
    for key in found:
        difference = differences.get(key) or absent[key]
        better = key[1] if difference.p_value <= 1 - level else None
        gaps.setdefault(key[0], []).append(Gap(key[1], key[2], difference, *about[key], better))
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


def measure(opened: Sequence[Opened], asked: Sequence[Score], split: str, on_score: OnScore | None = None) -> None:
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


def over_seeds(model: Contender, split: str, column: str) -> Metric:
    """A model's number: one seed's own, or the mean over several with its standard error over them."""
    found = [r.metrics[split][column] for r in model.runs]
    return found[0] if len(found) == 1 else mean_and_error(np.array([m.value for m in found]))


def pairs_of(first: Contender, second: Contender) -> list[tuple[Run, Run]]:
    """Runs of equal seeds; where there are none, in the order of the seeds."""
    common = [s for s in first.seeds if s in second.seeds]
    if not common:
        return list(zip(first.runs, second.runs, strict=False))
    ours, theirs = ({r.spec.seed: r for r in m.runs} for m in (first, second))
    return [(ours[s], theirs[s]) for s in common]


def _has(run: Run, score: Score, split: str) -> bool:
    return split in run.metrics if score in KEPT else score.key() in run.measured.get(split, {})


def values_of(run: Run, score: Score, split: str, column: str) -> NDArray[np.floating] | None:
    """The value of each example, shape (n,), of which a number is the mean; None where it is none."""
    if score in KEPT:
        return run.known_examples(split).get(column)
    measured = run.measured.get(split, {}).get(score.key())
    return None if measured is None else measured.each(column)


def difference_between(
    first: Contender, second: Contender, score: Score, split: str, column: str
) -> tuple[Callable[..., Difference], tuple[int, int, Covers]]:
    """How much a number of the second is above the first's, as a function of the interval's level; and over how many
    seeds and examples, and what the interval covers: paired as far as the numbers are known."""
    pairs = pairs_of(first, second)
    rows = [[values_of(r, score, split, column) for r in pair] for pair in pairs]
    if all(v is not None for row in rows for v in row):
        d = np.stack([np.asarray(b) - np.asarray(a) for a, b in rows])
        return partial(mean_difference, d), (len(d), d.shape[1], "both" if len(d) > 1 else "examples")
    known = [[r.metrics[split][column] for r in pair] for pair in pairs]
    d = np.array([b.value - a.value for a, b in known])
    if len(d) > 1:
        return partial(difference_over_seeds, d), (len(d), 0, "seeds")
    variance = sum(m.standard_error**2 for m in known[0])
    return partial(difference_of_errors, float(d[0]), variance), (1, 0, "unpaired" if variance > 0 else "nothing")


def _asked(opened: Sequence[Opened], asked: Sequence[Score | Part] | None, split: str) -> list[Score]:
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


def _by_scale(models: Sequence[Contender], score: Score, said: list[Note]) -> dict[str, list[Contender]]:
    groups: dict[str, list[Contender]] = {}
    for model in models:
        scale = score.scale(model.first)
        if scale is None:
            why = score.why_not(model.first)
            said.append(Note("none", {"score": score.key(), "model": model.name, "why": why}))
        else:
            groups.setdefault(scale, []).append(model)
    if len(groups) > 1:
        told = "; ".join(f"{scale} ({', '.join(m.name for m in members)})" for scale, members in groups.items())
        said.append(Note("apart", {"score": score.key(), "scales": told}))
    return groups
