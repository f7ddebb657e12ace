"""What several completed tables say together (Rubin 1987, Multiple Imputation for Nonresponse in Surveys)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from latente.errors import SpecError
from latente.plain import as_html, as_text

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Pooled:
    """Estimates of the complete table, with what the missing cells add to their errors. All of shape (k,).

    Attributes:
        estimate: the mean over the tables.
        within: the mean of the estimates' variances W, what is not known although a table is complete.
        between: the variance of the estimates B, what is not known because cells are missing.
        variance: T = W + (1 + 1/m) B (Rubin 1987, eq. 3.1.5).
        df: degrees of freedom of Student's t (Barnard & Rubin 1999, Biometrika 86, eq. 3; without those of the complete
            table, Rubin's (m − 1) / λ²).
        low, high: the ends of the interval for ``level``.
        p_value: of an estimate of zero, on both sides.
        lost: λ = (1 + 1/m) B / T, the share of the variance that the missing cells make.
        level: of the interval.
        tables: m.
    """

    estimate: Floats
    within: Floats
    between: Floats
    variance: Floats
    df: Floats
    low: Floats
    high: Floats
    p_value: Floats
    lost: Floats
    level: float
    tables: int

    def __repr__(self) -> str:
        return as_text(*self._summary())

    def _repr_html_(self) -> str:
        return as_html(*self._summary())

    def _summary(self) -> tuple[str, list[tuple[str, object]]]:
        each = zip(*map(np.atleast_1d, (self.estimate, self.low, self.high, self.p_value, self.lost)), strict=True)
        rows: list[tuple[str, object]] = [
            (f"{i}", f"{e:.4g} [{low:.4g}, {high:.4g}], p {p:.2g}, {lost:.0%} lost to missing cells")
            for i, (e, low, high, p, lost) in enumerate(each)
        ]
        return f"{len(rows)} estimates pooled over {self.tables} tables, {self.level:.0%} intervals", rows

    @property
    def standard_error(self) -> Floats:
        """√T."""
        return np.sqrt(self.variance)


def pool(
    estimates: ArrayLike | Sequence[ArrayLike],
    variances: ArrayLike | Sequence[ArrayLike],
    *,
    df: float = math.inf,
    level: float = 0.95,
) -> Pooled:
    """Pool m estimates of k numbers.

    Args:
        estimates: of each completed table, shape (m, k) or (m,).
        variances: of the estimates, squared standard errors, of the same shape.
        df: degrees of freedom that the estimates would have of the complete table, such as n − k of a regression.
        level: of the interval.

    Raises:
        SpecError: fewer than two tables, shapes that differ, or a number that is none.
    """
    found, own = (np.asarray(a, np.float64) for a in (estimates, variances))
    if found.ndim == 1:
        found, own = found[:, None], own.reshape(-1, 1) if own.ndim == 1 else own
    if found.ndim != 2 or found.shape != own.shape or len(found) < 2:
        raise SpecError(
            f"got estimates of shape {found.shape} and variances of shape {own.shape}; allowed: both of one shape, "
            "(m, k), with at least two tables"
        )
    if not np.isfinite(found).all() or not (own >= 0).all():
        raise SpecError("got estimates or variances that are not finite, or variances below 0; look at the tables")
    m = len(found)
    within, between = own.mean(axis=0), found.var(axis=0, ddof=1)
    extra = (1 + 1 / m) * between
    total = within + extra
    lost = np.divide(extra, total, out=np.zeros_like(total), where=total > 0)
    with np.errstate(divide="ignore"):
        freedom = (m - 1) / lost**2
        if math.isfinite(df):
            observed = (df + 1) / (df + 3) * df * (1 - lost)
            freedom = 1 / (1 / freedom + 1 / observed)
    mean, error = found.mean(axis=0), np.sqrt(total)
    reach = stats.t.ppf((1 + level) / 2, freedom) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = 2 * stats.t.sf(np.abs(mean) / error, freedom)
    return Pooled(mean, within, between, total, freedom, mean - reach, mean + reach, p_value, lost, level, m)


def estimates_of(estimator: Any, table: Any, y: Any = None) -> tuple[Floats, Floats, float]:
    """Estimates from one completed table, their variances, and the degrees of freedom.

    Args:
        estimator: a linear regression of scikit-learn; or a function of the table, and of ``y`` where it is given.
        table: without missing cells.
        y: what a regression predicts, shape (n,).

    Raises:
        SpecError: it gives no variances.
    """
    if hasattr(estimator, "fit") and not isinstance(estimator, type):
        return _least_squares(estimator, table, y)
    if not isinstance(estimator, Callable):  # type: ignore[arg-type]
        raise _no_variances(estimator)
    found = estimator(table) if y is None else estimator(table, y)
    if hasattr(found, "params") and hasattr(found, "bse"):
        return np.atleast_1d(found.params), np.atleast_1d(found.bse) ** 2, float(getattr(found, "df_resid", math.inf))
    if not isinstance(found, tuple) or len(found) not in (2, 3):
        raise _no_variances(found)
    estimates, variances = (np.atleast_1d(np.asarray(a, np.float64)) for a in found[:2])
    return estimates, variances, float(found[2]) if len(found) == 3 else math.inf


def _least_squares(estimator: Any, table: Any, y: Any) -> tuple[Floats, Floats, float]:
    """Coefficients, and the intercept where there is one, with the variances of ordinary least squares."""
    from sklearn.base import clone
    from sklearn.linear_model import LinearRegression

    if not isinstance(estimator, LinearRegression) or estimator.positive:
        raise _no_variances(estimator)
    if y is None:
        raise SpecError("y: got nothing; a regression needs what it predicts, shape (n,)")
    x, target = np.asarray(table, np.float64), np.asarray(y, np.float64)
    fitted = clone(estimator).fit(x, target)
    design = np.column_stack([x, np.ones(len(x))]) if estimator.fit_intercept else x
    df = len(x) - design.shape[1]
    if df < 1:
        raise SpecError(f"a regression on {design.shape[1]} columns needs more than {len(x)} rows")
    residual = target - fitted.predict(x)
    variance = residual @ residual / df * np.diag(np.linalg.pinv(design.T @ design))
    coefficients = np.append(fitted.coef_, fitted.intercept_) if estimator.fit_intercept else fitted.coef_
    return coefficients, variance, float(df)


def _no_variances(found: Any) -> SpecError:
    return SpecError(
        f"{type(found).__name__} gives no variances; take LinearRegression, or a function of a table that returns "
        "estimates and their variances"
    )
