"""The elbow of trained models: sweeps over latent sizes among runs, and by which number they are judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from latente.data.load import AnySource
from latente.data.split import PARTS, Data
from latente.errors import DataError, SpecError, unknown
from latente.evaluation.comparison.boards import refuse_test
from latente.evaluation.comparison.compare import OnScore, measure, values_of
from latente.evaluation.comparison.contenders import Contender, contenders, open_runs, share_data
from latente.evaluation.comparison.elbow import SHARE, Elbow, find_elbow
from latente.evaluation.findings.measures import LEVEL
from latente.evaluation.roles import signature
from latente.evaluation.scores import Score, scores
from latente.evaluation.scores.losses import KEPT, Distortion, Loss
from latente.evaluation.scores.nll import Likelihood
from latente.objective.objectives import objectives
from latente.spec import Part

Sweep = tuple[Contender, ...]
"""Models that differ in their latent size only, smallest first."""


def elbow(
    runs: Iterable[Any],
    score: Score | Part | None = None,
    *,
    split: str = "validation",
    share: float = SHARE,
    tolerance: float | None = None,
    level: float = LEVEL,
    data: Data | AnySource | None = None,
    on_score: OnScore | None = None,
) -> Elbow:
    """Which latent size is enough, of runs that differ in their latent size (see `find_elbow`).

    Args:
        runs: as `latente.compare` takes them; where there are several sweeps, the one of most sizes, and of equally
            many the first by name.
        score: by which number; its first that is better where it is less. By default the bound on the negative
            log-likelihood that all were scored by (that of the most codes), otherwise "nll"; for models without a
            density of codes the reconstruction error in nats.
        split: "validation", for it is a choice.
        share, tolerance, level: see `find_elbow`.
        data: what the runs were trained on, or where it is now, where it cannot be read again as it was.
        on_score: called while the score is worked out.

    Raises:
        SpecError: the test part; no two runs that differ in their latent size only; a score that has no number to
            minimise, or that the models do not share.
        StoreError, DataError: as `latente.compare`.
    """
    refuse_test(split, "choose a latent size")
    if split not in PARTS:
        raise DataError(unknown("split", split, PARTS))
    opened = open_runs(runs, data)
    found = sweeps(contenders(opened)[0])
    if not found:
        raise SpecError(
            "elbow: got no two models that differ in their latent size only; train them as a sweep, for instance with "
            "latent_dim = [2, 4, 8, 16] in a study file"
        )
    sweep = min(found, key=lambda models: (-len(models), [m.name for m in models]))
    if score is None:
        made = scored_by(sweep, split) or (Likelihood() if Likelihood().scale(sweep[0].first) else Distortion())
    else:
        made = score if isinstance(score, Score) else scores.make(score)
    taken = [o for model in sweep for o in model.opened]
    if made not in KEPT:
        share_data(taken)
    measure(taken, [made], split, on_score)
    return elbow_of(sweep, made, split=split, share=share, tolerance=tolerance, level=level)


def sweeps(models: Sequence[Contender]) -> list[Sweep]:
    """Every set of models that differ in their latent size only, of two sizes or more."""
    groups: dict[str, list[Contender]] = {}
    for model in models:
        if model.first.fitted is None:
            groups.setdefault(signature(model.first, "latent_dim"), []).append(model)
    return [
        tuple(sorted(found, key=lambda m: m.first.spec.model.latent_dim)) for found in groups.values() if len(found) > 1
    ]


def scored_by(sweep: Sweep, split: str = "validation") -> Score | None:
    """The score that a sweep may be judged by with nothing worked out: None where there is none.

    The bound on the NLL of most codes that all runs have; else the loss, where that is such a bound; else, for
    models without a density of codes, the reconstruction error.
    """
    runs = [r for model in sweep for r in model.runs]
    known = [set(r.measured.get(split, {})) for r in runs]
    made = [scores.make(m.score) for m in runs[0].measured.get(split, {}).values() if m.score]
    bounds = [s for s in made if isinstance(s, Likelihood) and all(s.key() in keys for keys in known)]
    if bounds:
        return max(bounds, key=lambda s: s.samples)
    first = sweep[0].first
    kept: Score = Distortion() if first.model.posterior.kind == "point" else Loss()
    if not all(r.known_examples(split) for r in runs):
        return None
    return kept if isinstance(kept, Distortion) or is_bound(first.spec.model.objective) else None


def is_bound(objective: Part) -> bool:
    """Whether a loss is an upper bound on −log p(x)."""
    return objectives.make(objective).is_bound()


def elbow_of(
    sweep: Sweep,
    score: Score,
    *,
    split: str = "validation",
    share: float = SHARE,
    tolerance: float | None = None,
    level: float = LEVEL,
) -> Elbow:
    """As `elbow`, of a sweep whose score is worked out: over the seeds that all sizes have, or, where these are fewer
    than two and each size has more, over as many of each in their order, which is as valid and less sharp.

    Raises:
        SpecError: the score has no number to minimise, or means different things for its models.
    """
    column = next((c for c, lower in score.columns().items() if lower), None)
    if column is None:
        raise SpecError(f"elbow: {score.key()} has no number of which less is better; take nll, loss or mean-mse")
    scales = {score.scale(m.first) for m in sweep}
    if None in scales:
        without = next(m for m in sweep if score.scale(m.first) is None)
        raise SpecError(f"elbow: {without.name} has no {score.key()}: {score.why_not(without.first)}")
    if len(scales) > 1:
        raise SpecError(f"elbow: {score.key()} means different things for its models: {'; '.join(map(str, scales))}")
    common = [s for s in sweep[0].seeds if all(s in m.seeds for m in sweep)]
    count = min(len(m.runs) for m in sweep)
    if len(common) < min(2, count):
        common = []  # a single common seed would throw the others away
    values: dict[int, ArrayLike] = {}
    for model in sweep:
        runs = [r for r in model.runs if r.spec.seed in common] if common else model.runs[:count]
        each = [values_of(r, score, split, column) for r in runs]
        known = [v for v in each if v is not None]
        alone = np.array([[r.metrics[split][column].value] for r in runs])
        values[model.first.spec.model.latent_dim] = np.stack(known) if len(known) == len(runs) else alone
    found = find_elbow(values, share=share, tolerance=tolerance, level=level)
    return dataclasses.replace(
        found,
        column=column,
        scale=str(next(iter(scales))),
        split=split,
        models=tuple(m.name for m in sweep),
        aside=sum(len(m.runs) - found.seeds for m in sweep),
    )
