"""Rules over bounds on −log p(x)."""

from __future__ import annotations

import numpy as np

from latente.evaluation.bounds import FEW, GAIN
from latente.evaluation.findings.claims import Verdict, all_of, below, within
from latente.evaluation.findings.measures import Estimate
from latente.evaluation.findings.scored.base import Facts, Found, estimate, rule
from latente.evaluation.scores.base import EACH

APART = 0.5
"""Two bounds of one likelihood agree within so many nats."""


def _bound(found: Found) -> Facts | None:
    samples = found.key.removeprefix("nll_").split("_")[0]
    gain, effective = found.own("gain"), found.array(f"{EACH}{found.key}_ess")
    if gain is None or effective is None or not samples.isdigit():
        return None
    tenth = float(np.quantile(effective, 0.1))
    return {"gain": gain, "tenth": tenth, "samples": int(samples), "limit": GAIN, "few": FEW}


@rule(
    "tight", "nll", _bound,
    holds={"gain": Estimate(0.02, 0.01, 0.03), "tenth": 40.0, "samples": 5000, "limit": GAIN, "few": FEW},
    fails={"gain": Estimate(1.5, 1.4, 1.6), "tenth": 1.2, "samples": 10, "limit": GAIN, "few": FEW},
)  # fmt: skip
def tight(f: Facts) -> Verdict:
    """The bound is tight enough at its K: doubling it brought little, and enough draws carry the estimate."""
    carried: Verdict = "holds" if float(f["tenth"]) >= float(f["few"]) else "fails"  # type: ignore[arg-type]
    return all_of([below(estimate(f, "gain"), float(f["limit"])), carried])  # type: ignore[arg-type]


def _annealed(found: Found) -> Facts | None:
    excess, gap = found.own("iwae_excess"), found.own("bdmc_gap")
    if excess is None or gap is None:
        return None
    chosen = found.array("index")
    return {"excess": excess, "gap": gap, "limit": APART, "images": 0 if chosen is None else len(chosen)}


@rule(
    "confirmed", "ais", _annealed,
    holds={"excess": Estimate(0.1, 0.0, 0.2), "gap": Estimate(0.1, 0.05, 0.15), "limit": APART, "images": 100},
    fails={"excess": Estimate(3.0, 2.5, 3.5), "gap": Estimate(0.1, 0.05, 0.15), "limit": APART, "images": 100},
)  # fmt: skip
def confirmed(f: Facts) -> Verdict:
    """Annealed importance sampling gives the same as the bound, and its chains are close to reverse ones."""
    return all_of([within(estimate(f, "excess"), -APART, APART), below(estimate(f, "gap"), APART)])
