"""Rules over latents and known factors."""

from __future__ import annotations

import numpy as np

from latente.evaluation.findings.claims import Verdict, above, all_of
from latente.evaluation.findings.measures import Estimate, least
from latente.evaluation.findings.scored.base import Facts, Found, Z, estimate, rule

APART = 0.5
"""A factor has a latent of its own where half of its entropy is told by that one beyond every other."""


def _gap(found: Found) -> Facts | None:
    mean, (gaps, errors, information) = found.estimate("mig"), map(found.array, ("gaps", "gap_errors", "information"))
    if mean is None or gaps is None or errors is None or information is None:
        return None
    each = [Estimate(g, g - Z * e, g + Z * e) for g, e in zip(gaps.tolist(), errors.tolist(), strict=True)]
    owners = information.argmax(axis=0)
    shared = int((np.bincount(owners)[owners] > 1).sum())
    return {"gap": least(each), "mean": mean.value, "factors": len(each), "shared": shared, "limit": APART}


@rule(
    "apart", "disentanglement", _gap,
    holds={"gap": Estimate(0.7, 0.65, 0.75), "mean": 0.8, "factors": 5, "shared": 0, "limit": APART},
    fails={"gap": Estimate(0.001, 0.0, 0.002), "mean": 0.6, "factors": 5, "shared": 2, "limit": APART},
)  # fmt: skip
def apart(f: Facts) -> Verdict:
    """Each factor has a latent of its own: the least apart of them, and no latent is that of two."""
    own: Verdict = "fails" if f["shared"] else "holds"
    return all_of([above(estimate(f, "gap"), APART), own])
