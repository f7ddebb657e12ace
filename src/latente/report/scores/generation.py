"""Rules about samples; their neighbours and their classes as figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from latente.analysis.conclusions.claims import Facts, Verdict, above, below
from latente.analysis.conclusions.registry import builtin
from latente.analysis.conclusions.score_rules import mean_over_seeds
from latente.analysis.trained_models import TrainedModel
from latente.evaluation.measured import Measured
from latente.evaluation.metrics.intervals import Estimate, corrected, minus, wilson
from latente.report.figures.classes import class_shares
from latente.report.figures.figure_file import FigureFile, as_png, as_svg
from latente.report.figures.images import neighbours
from latente.report.scores.base import MOST, Scored, against, draws

BALANCED = 0.02
"""Classes are balanced below this divergence in nats: that of one class of ten three times as frequent as is due."""

COPIED = 0.02
"""Samples are copies from this share above that of new examples that look like some."""

DISTANCE = "frechet_classifier_distance"


def _copies(found: Measured) -> Facts | None:
    own, usual, counts = found.estimate("copies"), found.estimate("copies_held_out"), found.array("counts")
    if own is None or usual is None:
        return None
    if counts is not None:
        # Shares of so many samples, and of as many new examples.
        own, usual = (wilson(e.value, int(counts[0])) for e in (own, usual))
    return {"own": own.value, "usual": usual.value, "more": minus(own, usual), "limit": COPIED}


@builtin(
    "LT301", "memorised", "generation", _copies, severity="error", found="holds",
    holds={"own": 0.4, "usual": 0.01, "more": Estimate(0.39, 0.36, 0.42), "limit": COPIED},
    fails={"own": 0.0, "usual": 0.02, "more": Estimate(-0.02, -0.03, -0.01), "limit": COPIED},
)  # fmt: skip
def memorised(f: Facts) -> Verdict:
    """Samples are copies of training examples clearly more often than new examples look like copies."""
    return above(f["more"], COPIED)


def _classes(found: Measured) -> Facts | None:
    divergence = found.estimate("class_divergence")
    return None if divergence is None else {"divergence": divergence, "limit": BALANCED}


@builtin(
    "LT302", "balanced", "generation", _classes, severity="warning",
    holds={"divergence": Estimate(0.005, 0.002, 0.008), "limit": BALANCED},
    fails={"divergence": Estimate(0.2, 0.18, 0.22), "limit": BALANCED},
)  # fmt: skip
def balanced(f: Facts) -> Verdict:
    """The classes are as frequent among the samples as in the data."""
    return below(f["divergence"], BALANCED)


@builtin(
    "LT303", "told-apart", "generation", against(DISTANCE, f"{DISTANCE}_train", "least"), found="holds",
    holds={"own": 40.0, "least": 2.0, "more": Estimate(38.0, 35.0, 41.0)},
    fails={"own": 2.0, "least": 2.5, "more": Estimate(-0.5, -0.8, -0.2)},
)  # fmt: skip
def told_apart(f: Facts) -> Verdict:
    """Samples are farther from the data than as many training examples are."""
    return above(f["more"], 0)


def _nearest(models: Mapping[str, Sequence[Measured]]) -> list[Facts]:
    # Distances in the features of two classifiers, or of two numbers of samples, are two scales.
    every = [found for runs in models.values() for found in runs]
    scales = {tuple(np.asarray(a).tobytes() for a in (f.array("classifier"), f.array("counts"))) for f in every}
    values = [(e, name) for name, runs in models.items() if (e := mean_over_seeds(runs, DISTANCE)) is not None]
    if len(values) < 2 or len(scales) > 1:
        return []
    (best, model), *others = sorted(values, key=lambda v: (v[0].value, v[1]))
    # It was chosen for being the nearest, so that all differences count; the one that is shown is the least clear.
    behind = [(corrected(minus(e, best), len(others)), name, e.value) for e, name in others]
    more, other, second = min(behind, key=lambda b: (b[0].low, b[1]))
    return [{"model": model, "other": other, "own": best.value, "second": second, "more": more, "count": len(values)}]


@builtin(
    "LT304", "nearest", "generation", _nearest, several=True,
    holds={
        "model": "vae-16", "other": "vae-8", "own": 20.0, "second": 40.0, "count": 3,
        "more": Estimate(20.0, 16.0, 24.0),
    },
    fails={
        "model": "vae-16", "other": "vae-8", "own": 20.0, "second": 20.0, "count": 3,
        "more": Estimate(0.0, 0.0, 0.0),
    },
)  # fmt: skip
def nearest(f: Facts) -> Verdict:
    """One model's samples are nearer to the data than every other's: over all seeds, and the least clear difference."""
    return above(f["more"], 0)


@draws("generation", 20)
def generation(shown: Scored) -> Iterator[FigureFile]:
    """Of images, each model's samples above their neighbours; and one figure of the classes of all models."""
    if shown.data.is_image:
        for model, kept in shown.kept:
            yield _neighbours(shown, model, kept)
    classified = [(m, k) for m, k in shown.kept if "class_shares" in k.arrays][:MOST]
    if classified and len(shown.data.classes) > 1:
        yield _balance(shown, classified)


def _neighbours(shown: Scored, model: TrainedModel, kept: Measured) -> FigureFile:
    w, train = shown.words, shown.data.train
    groups = {}
    for group, name in (("first", "sample"), ("alike", "suspect")):
        near, apart = kept.array(f"{name}_neighbours"), kept.array(f"{name}_distances")
        images = shown.data.values(train.x[near.ravel()]).reshape(*near.shape, *shown.data.shape)
        groups[w(f"figure.neighbours.{group}")] = (kept.array(f"{name}s"), images, _ratios(apart))
    (_, first, ratios), (_, _, alike) = groups.values()
    n, copies = int(kept.array("counts")[1]), kept.value("copies") or 0.0
    texts = shown.texts(
        "figure.neighbours", model, name=model.name, k=first.shape[1], n=w.number(n, ",d"), copies=round(copies * n),
        columns=len(ratios), least=shown.number(alike.min()), median=shown.number(float(np.median(ratios))),
    )  # fmt: skip
    figure = neighbours(groups, w, shown.span)
    return as_png(f"neighbours-{model.name}", figure, *texts, group=shown.name, wide=True)


def _ratios(distances: np.ndarray) -> np.ndarray:
    return np.where(distances[:, 1] > 0, distances[:, 0] / np.where(distances[:, 1] > 0, distances[:, 1], 1), 0.0)


def _balance(shown: Scored, kept: Sequence[tuple[TrainedModel, Measured]]) -> FigureFile:
    w, classes = shown.words, shown.data.classes
    reference = kept[0][1].array("class_reference")
    sentences = []
    for model, k in kept:
        gap = 100 * (k.array("class_shares")[:, 0] - reference)
        low, high = int(gap.argmin()), int(gap.argmax())
        sentences.append(
            w("figure.balance.alt_model", name=model.name, low=classes[low], low_gap=shown.number(gap[low], "+.1f"),
              high=classes[high], high_gap=shown.number(gap[high], "+.1f"))
        )  # fmt: skip
    figure = class_shares({m.name: k.array("class_shares") for m, k in kept}, reference, classes, w)
    texts = shown.texts(
        "figure.balance", *(m for m, _ in kept), n=w.number(int(kept[0][1].array("counts")[1]), ",d"),
        part=shown.part, models=" ".join(sentences),
    )  # fmt: skip
    return as_svg("class-balance", figure, *texts, group=shown.name)
