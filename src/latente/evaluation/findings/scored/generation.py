"""Rules over samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latente.evaluation.findings.claims import Verdict, above, below
from latente.evaluation.findings.measures import Estimate, corrected, wilson
from latente.evaluation.findings.scored.base import Facts, Found, estimate, minus, over_seeds, rule

BALANCED = 0.02
"""Classes are balanced below this divergence in nats: that of one class of ten three times as frequent as is due."""
COPIED = 0.02
"""Samples are copies from this share above that of new examples that look like some."""
DISTANCE = "frechet_classifier_distance"


def _copies(found: Found) -> Facts | None:
    own, usual, counts = found.estimate("copies"), found.estimate("copies_held_out"), found.array("counts")
    if own is None or usual is None:
        return None
    if counts is not None:
        # Shares of so many samples, and of as many new examples.
        own, usual = (wilson(e.value, int(counts[0])) for e in (own, usual))
    return {"own": own.value, "usual": usual.value, "more": minus(own, usual), "limit": COPIED}


@rule(
    "memorised", "generation", _copies,
    holds={"own": 0.4, "usual": 0.01, "more": Estimate(0.39, 0.36, 0.42), "limit": COPIED},
    fails={"own": 0.0, "usual": 0.02, "more": Estimate(-0.02, -0.03, -0.01), "limit": COPIED},
)  # fmt: skip
def memorised(f: Facts) -> Verdict:
    """Samples are copies of training examples clearly more often than new examples look like copies."""
    return above(estimate(f, "more"), COPIED)


def _classes(found: Found) -> Facts | None:
    divergence = found.estimate("class_divergence")
    return None if divergence is None else {"divergence": divergence, "limit": BALANCED}


@rule(
    "balanced", "generation", _classes,
    holds={"divergence": Estimate(0.005, 0.002, 0.008), "limit": BALANCED},
    fails={"divergence": Estimate(0.2, 0.18, 0.22), "limit": BALANCED},
)  # fmt: skip
def balanced(f: Facts) -> Verdict:
    """The classes are as frequent among the samples as in the data."""
    return below(estimate(f, "divergence"), BALANCED)


def _floor(found: Found) -> Facts | None:
    own, least = found.estimate(DISTANCE), found.estimate(f"{DISTANCE}_train")
    if own is None or least is None:
        return None
    return {"own": own.value, "least": least.value, "more": minus(own, least)}


@rule(
    "told-apart", "generation", _floor,
    holds={"own": 40.0, "least": 2.0, "more": Estimate(38.0, 35.0, 41.0)},
    fails={"own": 2.0, "least": 2.5, "more": Estimate(-0.5, -0.8, -0.2)},
)  # fmt: skip
def told_apart(f: Facts) -> Verdict:
    """Samples are farther from the data than as many training examples are."""
    return above(estimate(f, "more"), 0)


def _nearest(models: Sequence[Sequence[Found]]) -> Facts | None:
    # Distances in the features of two classifiers, or of two numbers of samples, are two scales.
    every = [f for runs in models for f in runs]
    scales = {tuple(np.asarray(a).tobytes() for a in (f.array("classifier"), f.array("counts"))) for f in every}
    values = [(e, runs[0].model) for runs in models if (e := over_seeds(runs, DISTANCE)) is not None]
    if len(values) < 2 or len(scales) > 1:
        return None
    (best, model), *others = sorted(values, key=lambda v: (v[0].value, v[1]))
    # It was chosen for being the nearest, so that all differences count; the one that is shown is the least clear.
    behind = [(corrected(minus(e, best), len(others)), name, e.value) for e, name in others]
    more, other, second = min(behind, key=lambda b: (b[0].low, b[1]))
    return {"model": model, "other": other, "own": best.value, "second": second, "more": more, "count": len(values)}


@rule(
    "nearest", "generation", _nearest, several=True,
    holds={"model": "a", "other": "b", "own": 20.0, "second": 40.0, "more": Estimate(20.0, 16.0, 24.0), "count": 3},
    fails={"model": "a", "other": "b", "own": 20.0, "second": 20.0, "more": Estimate(0.0, 0.0, 0.0), "count": 3},
)  # fmt: skip
def nearest(f: Facts) -> Verdict:
    """One model's samples are nearer to the data than every other's: over all seeds, and the least clear difference."""
    return above(estimate(f, "more"), 0)
