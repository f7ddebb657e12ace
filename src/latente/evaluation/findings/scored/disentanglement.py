"""Rules over latents and known factors."""

from __future__ import annotations

from latente.evaluation.findings.claims import Verdict, above
from latente.evaluation.findings.measures import Estimate
from latente.evaluation.findings.scored.base import Facts, Found, estimate, rule

APART = 0.5
"""Factors lie apart where, on average, half of a factor's entropy is told by one latent beyond every other."""


def _gap(found: Found) -> Facts | None:
    gap = found.estimate("mig")
    return None if gap is None else {"gap": gap, "limit": APART}


@rule(
    "apart", "disentanglement", _gap,
    holds={"gap": Estimate(0.7, 0.65, 0.75), "limit": APART}, fails={"gap": Estimate(0.1, 0.08, 0.12), "limit": APART},
)  # fmt: skip
def apart(f: Facts) -> Verdict:
    """Each factor has a latent of its own."""
    return above(estimate(f, "gap"), APART)
