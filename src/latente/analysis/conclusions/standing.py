"""The numbers of a study's models side by side, which the rules of `summary` judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from latente.analysis.baselines import Baselines, Floats, bound_terms, has_bound, has_error, key_of
from latente.analysis.compare import Contrast, compared, contrast, default_scores
from latente.analysis.conclusions import measures
from latente.analysis.conclusions.claims import below
from latente.analysis.conclusions.model_outputs import VALIDATION
from latente.analysis.conclusions.summary import Against, Losses, Standing
from latente.analysis.elbow import known_elbows
from latente.analysis.ranking import Comparison, PairedDifference
from latente.analysis.trained_models import TrainedModel, named, pairs, trained_models
from latente.evaluation import latent
from latente.evaluation.batching import subsample
from latente.evaluation.likelihood.collapse import THRESHOLD
from latente.evaluation.metrics import influence
from latente.evaluation.metrics.differences import mean_interval
from latente.evaluation.metrics.influence import Stat, combine
from latente.evaluation.metrics.intervals import Estimate, bonferroni, corrected, normal_interval
from latente.evaluation.run import Run
from latente.evaluation.run_data import AbsentData
from latente.evaluation.scores.losses import Distortion, Loss

Idle = tuple[int, int, int]
"""Of a model's latents, how many are shown to do nothing, of how many it cannot be told, and how many there are."""


def standing(runs: Sequence[Run], *, codes: bool = True, beside: Baselines | None = None) -> Standing:
    """The numbers of the runs of one study; its test numbers are those that the runs recorded.

    Args:
        runs: in any number of seeds; the same name is the same model.
        codes: whether to encode validation examples, to see which latents do nothing.
        beside: the baselines on the test part, where they are known.
    """
    trained = trained_models(runs)
    losses = {m.name: losses_of(m, codes=codes) for m in trained}
    matched = tuple((losses[a.name], losses[b.name]) for a, b in pairs(trained))
    scored = all("test" in r.metrics for r in runs) and len(trained) > 1
    found = compared(trained, default_scores(runs, "test"), whole=False) if scored else None

    def between(first: str, second: str, number: str) -> Contrast | None:
        score = {"loss": Loss(), "reconstruction": Distortion()}[number]
        a, b = named(trained, first), named(trained, second)
        scale = score.scale(a.first)
        return None if scale is None or scale != score.scale(b.first) else contrast(a, b, score, "test", number)

    return Standing(
        models=tuple(losses.values()),
        pairs=matched,
        trained=tuple(trained),
        mean=_against(trained, "mse", lambda m: beside.errors.get(0)) if beside else (),
        pca=_against(trained, "mse", lambda m: beside.errors.get(m.latents)) if beside else (),
        marginal=_against(trained, "", lambda m: beside.nll.get(key_of(m))) if beside else (),
        comparisons=found.comparisons if found else 1,
        sizes=tuple(known_elbows(runs)),
        closest=best_two(found) if found else None,
        seeds=min((len(m.runs) for m in trained), default=0),
        contrast=between,
    )


def _against(
    trained: Sequence[TrainedModel], column: str, baseline: Callable[[TrainedModel], Floats | None]
) -> tuple[Against, ...]:
    """Models beside a baseline, by a number of the test part that is known example by example; "": by their bound."""
    pairs = []
    for model in trained:
        terms = (column,) if column else bound_terms(model)
        may = has_error(model) if column else has_bound(model)
        other = baseline(model)
        if not terms or not may or other is None:
            continue
        known = [r.known_examples("test") for r in model.runs]
        if all(t in each and len(each[t]) == len(other) for each in known for t in terms):
            own = [np.sum([each[t] for t in terms], axis=0, dtype=np.float64) for each in known]
            pairs.append((model, np.stack(own), other))
    level = bonferroni(len(pairs))
    return tuple(
        Against(m.name, m.latents, float(own.mean()), float(other.mean()),
                mean_interval(own - other, level=level), len(pairs))
        for m, own, other in pairs
        if np.isfinite(own).all()
    )  # fmt: skip


def best_two(found: Comparison) -> PairedDifference | None:
    """The difference of the best two models: by their loss on the scale that most models share, else by the first."""
    losses = sorted((b for b in found.boards if b.column == "loss"), key=lambda b: -len(b.entries))
    board = next(iter([*losses, *found.boards]), None)
    return next((g for g in board.gaps if g.covers != "nothing"), None) if board else None


def losses_of(model: TrainedModel, *, codes: bool = True) -> Losses:
    """A model's losses, their course, and how many of its latents do nothing."""

    def interval(split: str, metric: str) -> Estimate | None:
        found = model.metric(split, metric)
        return None if found is None else normal_interval(found.value, found.standard_error)

    scale = Loss().scale(model.first) or ""
    both = [r.metrics for r in model.runs if {"train", "test"} <= set(r.metrics)]
    parts = [(metrics["train"]["loss"], metrics["test"]["loss"]) for metrics in both]
    gaps = [Stat(b.value - a.value, (), a.standard_error**2 + b.standard_error**2) for a, b in parts]
    rise, fall = _course(model)
    return Losses(
        name=model.name,
        latents=model.latents,
        test=interval("test", "loss"),
        reconstruction=interval("test", "reconstruction"),
        gap=combine(gaps),
        # Only bounds of the likelihood say of two models which fits the data better.
        scale=scale if model.is_bound else "",
        distortion=Distortion().scale(model.first) or "",
        what=scale,
        rise=rise,
        fall=fall,
        epochs=float(np.mean([len(h["loss"]) for h in model.histories])),
        idle=idle_of(model) if codes else None,
    )


def _course(model: TrainedModel) -> tuple[Estimate | None, Estimate | None]:
    """How far the validation loss rose and fell at the end, in percent of its whole fall, over the seeds."""
    rises, falls = [], []
    for run in model.runs:
        curve = run.history["val_loss"]
        found = measures.course(curve, kept=run.spec.train.patience > 0)
        whole = float(curve[0]) - found.lowest if found else 0.0
        if found is None or whole <= 0:
            return None, None
        rises.append(influence.times(found.rise, 100 / whole))
        falls.append(influence.times(found.fall, 100 / whole))
    return combine(rises), combine(falls)


def idle_of(model: TrainedModel) -> Idle | None:
    """How many of a model's latents do nothing, as `idle_latents`; None of one without a KL that could switch them off,
    or of codes that lie on no flat space."""
    flat = model.first.model.posterior.space == "euclidean"
    return idle_latents(_codes(model)) if model.has_kl and flat else None


def _codes(model: TrainedModel) -> NDArray[np.float64]:
    """Mean codes of at most 2,000 validation examples, shape (n, code_size)."""
    data = model.first.data
    index = subsample(len(data.validation), VALIDATION, 0, permuted=True)
    kept = model.first.codes
    if isinstance(data, AbsentData) and kept is not None:
        return np.asarray(kept.of_examples["mean.validation"][index], np.float64)
    context = latent.context_of(model.first.model, model.spec, data, data.validation)
    given = None if context is None else context[index]
    z = latent.encode(model.first.model, data.values(data.validation.x[index]), given)
    return np.asarray(z, np.float64)


def idle_latents(codes: NDArray[np.float64], limit: float = THRESHOLD) -> Idle:
    """Latents whose mean varies by less than ``limit`` over the codes, shape (n, latents), by 95% intervals.

    Returns:
        How many are shown to, by intervals that hold together (Bonferroni); of how many it cannot be told; all.
    """
    centred = codes - codes.mean(axis=0)
    variance = (centred**2).mean(axis=0)
    error = np.sqrt(np.maximum((centred**4).mean(axis=0) - variance**2, 0) / len(codes))
    each = [normal_interval(v, e) for v, e in zip(variance.tolist(), error.tolist(), strict=True)]
    sure = [below(corrected(e, len(each)), limit) for e in each].count("holds")
    used = [below(e, limit) for e in each].count("fails")
    return sure, max(0, len(each) - sure - used), len(each)
