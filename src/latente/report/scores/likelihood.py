"""Rules about bounds on −log p(x)."""

from __future__ import annotations

import numpy as np

from latente.analysis.conclusions.claims import Facts, Verdict, below, each_of, within
from latente.analysis.conclusions.registry import builtin
from latente.evaluation.likelihood.importance import FEW, GAIN, RARE
from latente.evaluation.likelihood.pareto import limit
from latente.evaluation.measured import EACH, Measured
from latente.evaluation.metrics.influence import share
from latente.evaluation.metrics.intervals import Estimate

APART = 0.5
"""Two bounds of one likelihood agree within so many nats."""


def _bound(found: Measured) -> Facts | None:
    samples = found.key.removeprefix("nll_").split("_")[0]
    gain, effective = found.estimate("gain"), found.array(f"{EACH}{found.key}_ess")
    if gain is None or effective is None or not samples.isdigit():
        return None
    tail = found.array("tail")
    if tail is None:
        return None
    most = limit(int(samples))
    return {
        "gain": gain, "tenth": float(np.quantile(effective, 0.1)), "samples": int(samples), "limit": GAIN, "few": FEW,
        "heavy": share([(tail > most).astype(np.float64)]), "tail": most, "rare": RARE,
    }  # fmt: skip


_TIGHT: Facts = {
    "gain": Estimate(0.02, 0.01, 0.03), "tenth": 40.0, "samples": 5000, "limit": GAIN, "few": FEW,
    "heavy": Estimate(0.01, 0.0, 0.03), "tail": 0.7, "rare": RARE,
}  # fmt: skip


@builtin(
    "LT501", "tight", "nll", _bound, severity="warning",
    holds=_TIGHT, fails={**_TIGHT, "gain": Estimate(0.04, 0.03, 0.05), "heavy": Estimate(0.9, 0.85, 0.95)},
)  # fmt: skip
def tight(f: Facts) -> Verdict:
    """The bound is tight enough at its K: doubling it brought little, enough draws carry it, and few examples have
    weights of so heavy a tail that neither would show what is missing."""
    carried: Verdict = "holds" if f["tenth"] >= f["few"] else "fails"

    def others(times: int) -> list[Verdict]:
        return [below(f["gain"], GAIN, times), below(f["heavy"], RARE, times)]

    return each_of([*others(1), carried], [*others(2), carried])


def _annealed(found: Measured) -> Facts | None:
    excess, gap = found.estimate("iwae_excess"), found.estimate("bdmc_gap")
    if excess is None or gap is None:
        return None
    chosen = found.array("index")
    return {"excess": excess, "gap": gap, "limit": APART, "images": 0 if chosen is None else len(chosen)}


@builtin(
    "LT502", "confirmed", "ais", _annealed, severity="warning",
    holds={"excess": Estimate(0.1, 0.0, 0.2), "gap": Estimate(0.1, 0.05, 0.15), "limit": APART, "images": 100},
    fails={"excess": Estimate(3.0, 2.5, 3.5), "gap": Estimate(0.1, 0.05, 0.15), "limit": APART, "images": 100},
)  # fmt: skip
def confirmed(f: Facts) -> Verdict:
    """Annealed importance sampling gives the same as the bound, and its chains are close to reverse ones."""

    def both(times: int) -> list[Verdict]:
        return [within(f["excess"], -APART, APART, times), below(f["gap"], APART, times)]

    return each_of(both(1), both(2))
