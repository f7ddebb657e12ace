"""Rules over the use of latents."""

from __future__ import annotations

from latente.evaluation.findings.claims import Verdict, above, below
from latente.evaluation.findings.measures import Estimate, corrected
from latente.evaluation.findings.scored.base import Facts, Found, Z, estimate, rule


def _used(found: Found) -> Facts | None:
    values, errors, limit = map(found.array, ("variance_of_means", "variance_error", "threshold"))
    if values is None or errors is None or limit is None:
        return None
    each = [Estimate(v, v - Z * e, v + Z * e) for v, e in zip(values.tolist(), errors.tolist(), strict=True)]
    sure = [below(corrected(e, len(each)), float(limit)) for e in each]
    used = [below(e, float(limit)) for e in each].count("fails")
    unused = sure.count("holds")
    return {"unused": unused, "latents": len(each), "unsure": max(0, len(each) - unused - used), "limit": float(limit)}


@rule(
    "unused", "collapse", _used,
    holds={"unused": 12, "latents": 16, "unsure": 1, "limit": 0.01},
    fails={"unused": 0, "latents": 16, "unsure": 0, "limit": 0.01},
)  # fmt: skip
def unused(f: Facts) -> Verdict:
    """Some latents are unused: their posterior means hardly vary over the part, by intervals that hold together."""
    return "holds" if f["unused"] else "unknown" if f["unsure"] else "fails"


def _aggregate(found: Found) -> Facts | None:
    distance, wider = found.estimate("aggregate-mmd"), found.array("mmd_of_wider")
    return None if distance is None or wider is None else {"distance": distance, "limit": float(wider)}


@rule(
    "holes", "collapse", _aggregate,
    holds={"distance": Estimate(0.02, 0.01, 0.03), "limit": 0.006},
    fails={"distance": Estimate(0.001, 0.0005, 0.0015), "limit": 0.006},
)  # fmt: skip
def holes(f: Facts) -> Verdict:
    """Codes of the part are distributed otherwise than the prior by more than draws a fifth wider would be."""
    return above(estimate(f, "distance"), float(f["limit"]))  # type: ignore[arg-type]
