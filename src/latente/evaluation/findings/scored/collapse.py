"""Rules over the use of latents."""

from __future__ import annotations

from latente.evaluation.findings.claims import Verdict, above
from latente.evaluation.findings.measures import Estimate
from latente.evaluation.findings.scored.base import Facts, Found, estimate, rule


def _used(found: Found) -> Facts | None:
    unused, active = found.estimate("unused-latents"), found.estimate("active-units")
    if unused is None or active is None:
        return None
    return {"unused": round(unused.value), "latents": round(unused.value + active.value)}


@rule("unused", "collapse", _used, holds={"unused": 12, "latents": 16}, fails={"unused": 0, "latents": 16})
def unused(f: Facts) -> Verdict:
    """Some latents are unused: their posterior means do not vary over the part."""
    return "holds" if int(f["unused"]) > 0 else "fails"  # type: ignore[arg-type]


def _aggregate(found: Found) -> Facts | None:
    distance = found.estimate("aggregate-mmd")
    return None if distance is None else {"distance": distance}


@rule(
    "holes", "collapse", _aggregate,
    holds={"distance": Estimate(0.02, 0.01, 0.03)}, fails={"distance": Estimate(-0.001, -0.002, 0.0)},
)  # fmt: skip
def holes(f: Facts) -> Verdict:
    """Codes of the part are distributed otherwise than the prior, so that samples come from where no codes are."""
    return above(estimate(f, "distance"), 0)
