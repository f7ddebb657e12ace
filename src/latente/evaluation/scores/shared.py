"""What several scores do alike: choose some examples, name their options, turn intervals into standard errors."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from latente.evaluation.evaluate import Metric
from latente.evaluation.findings.measures import LEVEL, Estimate

if TYPE_CHECKING:
    from latente.evaluation.run import Run

Floats = NDArray[np.float64]
UNLIKE = 'its columns are of different kinds and units, whose distances are none; "mean-mse" takes each in its own'
"""Why a table of columns of different kinds has no number."""
Z = float(norm.ppf(0.5 + LEVEL / 2))


def metric(estimate: Estimate) -> Metric:
    """An estimate as value and standard error: of the normal interval as wide as the wider side of its own.

    The wider side, for an interval that ends where the measure does would else look surer than it is.
    """
    wide = max(estimate.high - estimate.value, estimate.value - estimate.low)
    return Metric(float(estimate.value), float(wide) / Z if np.isfinite(wide) else 0.0)


def ends(estimate: Estimate) -> tuple[float, float, float]:
    """Value, low and high, for arrays."""
    return float(estimate.value), float(estimate.low), float(estimate.high)


def some(n: int, most: int, seed: int) -> NDArray[np.int64]:
    """The indices of at most so many of n examples, in order: all, or some drawn without replacement."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def suffix(score: Any) -> str:
    """The options of a score that are not its defaults, to tell its columns from others': "_samples500"."""
    said = [(f.name, getattr(score, f.name), f.default) for f in dataclasses.fields(score)]
    texts = [(n, "-".join(map(str, v)) if isinstance(v, tuple) else f"{v}") for n, v, usual in said if v != usual]
    return "".join(f"_{name}{value}" for name, value in texts)


def too_few(run: Run, least: int, parts: tuple[str, ...] = ("validation", "test")) -> str:
    """Why a run has no number that needs so many examples of each part; "" where there are enough."""
    sizes = {name: len(run.data.part(name)) for name in parts}
    short = min(sizes, key=lambda name: sizes[name])
    if sizes[short] >= least:
        return ""
    return f"the {short} part has {sizes[short]} examples, and at least {least} are needed"


def not_finite(what: str, x: NDArray[np.floating]) -> str:
    """What to say of codes, samples or reconstructions of which some are NaN or infinite; "" where none is."""
    bad = int((~np.isfinite(x.reshape(len(x), -1)).all(axis=1)).sum())
    return f"{bad} of {len(x)} {what} hold NaN or infinity, so that there are no numbers of them" if bad else ""


def span(run: Run) -> tuple[float, float]:
    """Lowest and highest value that the model's examples can have: 0 and 1 where they lie between, else the data's."""
    low, high = run.card["range"]
    return (0.0, 1.0) if low >= 0 and high <= 1 else (float(low), float(high))
