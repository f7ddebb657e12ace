"""Whether a whole batch is drawn as the held-out examples were: a test of its scores, and how many rows it needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri
from scipy.stats import mannwhitneyu

from latente.evaluation.metrics.anomaly import auroc
from latente.evaluation.metrics.checks import vector
from latente.evaluation.metrics.intervals import Estimate
from latente.plain import as_html, as_text
from latente.spec import got

LEVEL, POWER, SHIFT = 0.05, 0.8, 0.6


@dataclass(frozen=True, repr=False)
class Drift:
    """What the scores of a batch say against those of held-out examples.

    Attributes:
        p: of the two-sided rank test; small where the batch's scores lie elsewhere.
        above: probability that a row of the batch scores above a held-out one, with its 95% interval; ½ without drift,
            more where the batch is more anomalous, less where it is tamer.
        detectable: the smallest probability above ½ that this many rows show with the power asked for; None where it
            is more than 1.
        rows: how many rows a batch needs to show the shift asked for with that power; None where no batch is large
            enough, because there are too few held-out examples.
        held_out: how many held-out examples such a shift needs at the least, with a batch as large as one likes.
    """

    p: float
    above: Estimate
    detectable: float | None
    rows: int | None
    held_out: int

    def __repr__(self) -> str:
        return as_text(*self._summary())

    def _repr_html_(self) -> str:
        return as_html(*self._summary())

    def _summary(self) -> tuple[str, list[tuple[str, object]]]:
        above = self.above
        enough = f"{self.rows:,} rows" if self.rows is not None else f"at least {self.held_out:,} held-out examples"
        return f"drift of a batch: p = {self.p:.2g}", [
            ("a row scores above a held-out one", f"{above.value:.2f} of the time [{above.low:.2f}, {above.high:.2f}]"),
            ("to show the shift asked for", enough),
        ]


def drift(
    calibration: ArrayLike, batch: ArrayLike, *, shift: float = SHIFT, level: float = LEVEL, power: float = POWER
) -> Drift:
    """The rank test of Mann and Whitney (1947) of a batch's scores against those of held-out examples.

    It sees scores that are higher or lower as a whole; a batch whose scores only spread more, or whose rows changed in
    what the score does not depend on, it does not. Numbers of rows are from Noether's formula (1987, Statistics in
    Medicine), which takes the variance of the test without drift: enough rows for any shift, and some more than are
    needed for a large one (for 0.75 the power is 0.87 where 0.8 is asked for).

    Args:
        calibration: scores of held-out examples, shape (n,), which nothing was trained on.
        batch: scores of new ones, shape (m,).
        shift: the probability that a new row scores above a held-out one that is to be found, between ½ and 1; 0.6 is a
            third of a standard deviation of normal scores, 0.76 one.
        level: of the test.
        power: with which it is to be found.

    Raises:
        DataError: fewer than two of either, or scores that are not finite.
        SpecError: a shift, level or power out of range.
    """
    for name, value, low in (("shift", shift, 0.5), ("level", level, 0.0), ("power", power, 0.0)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not low < value < 1:
            raise got(name, value, f"a number between {low:g} and 1, both excluded")
    known, new = vector("calibration scores", calibration, least=2), vector("batch", batch, least=2)
    if np.ptp(np.concatenate([known, new])) == 0:
        p = 1.0
    else:
        p = float(mannwhitneyu(new, known, alternative="two-sided").pvalue)
    n, m = len(known), len(new)
    # The variance of the share of pairs is (n + m + 1) / (12 n m); it must be (shift − ½)² over this.
    needed = float(ndtri(1 - level / 2) + ndtri(power)) ** 2 / 12
    least = 0.5 + math.sqrt(needed * (n + m + 1) / (n * m))
    short = n * (shift - 0.5) ** 2 - needed
    rows = math.ceil(needed * (n + 1) / short) if short > 0 else None
    held_out = math.floor(needed / (shift - 0.5) ** 2) + 1
    return Drift(p, auroc(known, new), least if least < 1 else None, rows, held_out)


def power_of(shift: float, calibration: int, rows: int, *, level: float = LEVEL) -> float:
    """The power with which `drift` finds a shift by so many held-out examples and rows (Noether 1987)."""
    error = math.sqrt((calibration + rows + 1) / (12 * calibration * rows))
    return float(ndtr((shift - 0.5) / error - ndtri(1 - level / 2)))
