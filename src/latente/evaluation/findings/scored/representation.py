"""Rules over codes."""

from __future__ import annotations

import numpy as np

from latente.evaluation.findings.claims import Verdict, above
from latente.evaluation.findings.measures import Estimate, shares_paired
from latente.evaluation.findings.scored.base import Facts, Found, estimate, minus, rule
from latente.evaluation.scores.base import EACH


def _probe(found: Found) -> Facts | None:
    own, other = found.estimate("probe"), found.estimate("probe_pca")
    if own is None or other is None:
        return None
    right = [found.array(f"{EACH}{name}{found.suffix}") for name in ("probe", "probe_pca")]
    more = minus(own, other)
    if right[0] is not None and right[1] is not None and len(right[0]) == len(right[1]):
        # Of the same examples: paired.
        more = shares_paired([(right[1].astype(np.float64), right[0].astype(np.float64))])
    return {"own": own.value, "other": other.value, "more": _points(more)}


def _points(more: Estimate) -> Estimate:
    return Estimate(100 * more.value, 100 * more.low, 100 * more.high)


@rule(
    "better-than-pca", "representation", _probe,
    holds={"own": 0.95, "other": 0.85, "more": Estimate(10.0, 9.0, 11.0)},
    fails={"own": 0.80, "other": 0.85, "more": Estimate(-5.0, -6.0, -4.0)},
)  # fmt: skip
def better_than_pca(f: Facts) -> Verdict:
    """Labels are read off the codes better than off as many principal components."""
    return above(estimate(f, "more"), 0)


def _places(found: Found) -> Facts | None:
    own, other = found.estimate("trustworthiness"), found.estimate("trustworthiness_pca")
    if own is None or other is None:
        return None
    return {"own": own.value, "other": other.value, "more": minus(own, other)}


@rule(
    "neighbourhoods", "representation", _places,
    holds={"own": 0.97, "other": 0.85, "more": Estimate(0.12, 0.11, 0.13)},
    fails={"own": 0.80, "other": 0.85, "more": Estimate(-0.05, -0.06, -0.04)},
)  # fmt: skip
def neighbourhoods(f: Facts) -> Verdict:
    """Neighbours among the codes are neighbours in the data, more so than among as many principal components."""
    return above(estimate(f, "more"), 0)
