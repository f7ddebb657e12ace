"""How unusual a score is among held-out examples: conformal p-values, and thresholds that keep the promised errors.

The promise holds for any score and any model: where new inliers and the held-out examples are drawn alike
(exchangeable), P(p ≤ α) ≤ α for every α (Vovk et al. 2005; Bates et al. 2023, arXiv:2104.08279). It is one on average
over held-out parts: with n of them, the share of inliers flagged in the long run by one part at α is Beta distributed
around α, with a standard deviation of about √(α(1 − α)/n).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latente.errors import DataError
from latente.spec import got

Floats = NDArray[np.float64]


def conformal_p_values(calibration: ArrayLike, scores: ArrayLike) -> Floats:
    """(1 + number of calibration scores ≥ s) / (n + 1) of each score s, in (0, 1], shape (m,).

    Ties count against the finding, so that p-values of scores that take few values are too large rather than too small.
    No p-value is below `smallest_p`.

    Args:
        calibration: scores of held-out inliers, shape (n,), higher for what is more anomalous; infinite ones count.
        scores: of new examples, shape (m,).

    Raises:
        DataError: no calibration scores, another shape, or NaN.
    """
    known, new = np.sort(_scores("calibration scores", calibration, 1)), _scores("scores", scores, 0)
    above = len(known) - np.searchsorted(known, new, side="left")
    return np.asarray((1 + above) / (len(known) + 1), np.float64)


def smallest_p(calibration: int) -> float:
    """The smallest p-value that so many calibration scores can give: 1 / (n + 1). Below it nothing is ever flagged."""
    return 1 / (calibration + 1)


def threshold(calibration: ArrayLike, level: float) -> float:
    """The score above which `conformal_p_values` are at most ``level``; infinite where none can be so small.

    The share of inliers above it is at most ⌊level (n + 1)⌋ / (n + 1).

    Raises:
        DataError: as `conformal_p_values`. SpecError: a level that is not between 0 and 1.
    """
    known = np.sort(_scores("calibration scores", calibration, 1))
    # The number of calibration scores that may be as high; the tiny addend is for levels such as 0.1 · 30 = 2.9999….
    allowed = math.floor(_level(level) * (len(known) + 1) + 1e-9) - 1
    return math.inf if allowed < 0 else float(known[len(known) - 1 - allowed])


def threshold_by_fdr(p: ArrayLike, level: float) -> float:
    """The largest p-value that is flagged where a share of at most ``level`` of those flagged may be inliers.

    Benjamini & Hochberg 1995; it holds for conformal p-values, which depend on each other by their common calibration
    scores (Bates et al. 2023, theorem 2). Flag what is at or below it; 0 where nothing is to be flagged. With n
    calibration scores, m examples and k true outliers nothing can be, unless level · k / m reaches 1 / (n + 1).

    Args:
        p: p-values of the examples looked at together, shape (m,), in (0, 1].
        level: the false discovery rate, between 0 and 1.

    Raises:
        DataError: values outside of 0 to 1, or another shape. SpecError: a level that is not between 0 and 1.
    """
    values, level = _scores("p-values", p, 0), _level(level)
    if len(values) and not (values.min() >= 0 and values.max() <= 1):
        raise DataError(f"p-values: got {values.min():g} to {values.max():g}; allowed: 0 to 1")
    ordered = np.sort(values)
    passed = ordered <= level * np.arange(1, len(ordered) + 1) / max(len(ordered), 1) + 1e-12
    return float(ordered[np.flatnonzero(passed)[-1]]) if passed.any() else 0.0


def _scores(name: str, values: ArrayLike, least: int) -> Floats:
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or len(found) < least:
        raise DataError(f"{name}: got shape {list(found.shape)}; allowed: [n], one number an example, n ≥ {least}")
    if np.isnan(found).any():
        raise DataError(f"{name}: {int(np.isnan(found).sum())} of {len(found)} are NaN; leave them out")
    return found


def _level(level: float) -> float:
    if isinstance(level, bool) or not isinstance(level, int | float | np.number) or not 0 < level < 1:
        raise got("level", level, "a number between 0 and 1, both excluded")
    return float(level)
