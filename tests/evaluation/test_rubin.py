"""Rubin's rules against a calculation by hand, and the coverage of what they promise."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression, Ridge

from latente.errors import SpecError
from latente.evaluation.rubin import estimates_of, pool


def test_by_hand():
    found = pool([1.0, 2.0, 3.0], [0.4, 0.5, 0.6])
    # W = 0.5, B = 1, T = 0.5 + 4/3 = 11/6, λ = (4/3) / (11/6) = 8/11, ν = 2 / λ² = 3.78125.
    assert (found.estimate, found.within, found.between) == (2.0, pytest.approx(0.5), 1.0)
    assert found.variance == pytest.approx(11 / 6) and found.lost == pytest.approx(8 / 11)
    assert found.df == pytest.approx(3.78125) and found.standard_error == pytest.approx(math.sqrt(11 / 6))
    reach = stats.t.ppf(0.975, 3.78125) * math.sqrt(11 / 6)
    assert (found.low, found.high) == (pytest.approx(2 - reach), pytest.approx(2 + reach))
    assert found.p_value == pytest.approx(2 * stats.t.sf(2 / math.sqrt(11 / 6), 3.78125))
    assert repr(found).splitlines() == [
        "1 estimates pooled over 3 tables, 95% intervals",
        "  0  2 [-1.847, 5.847], p 0.22, 73% lost to missing cells",
    ]
    # Of a complete table of 20 degrees of freedom (Barnard & Rubin): ν_obs = (21/23) · 20 · (3/11) = 4.98024.
    small = pool([[1.0], [2.0], [3.0]], [[0.4], [0.5], [0.6]], df=20, level=0.9)
    assert small.df == pytest.approx(1 / (1 / 3.78125 + 1 / (21 / 23 * 20 * 3 / 11)), rel=1e-12)
    assert small.df < 3.78125 and small.high - small.low < found.high - found.low


def test_complete_tables_give_back_what_they_said():
    found = pool(np.ones((4, 2)), np.full((4, 2), 0.25), df=30)
    assert (found.between == 0).all() and (found.lost == 0).all() and (found.variance == 0.25).all()
    assert found.df == pytest.approx(31 / 33 * 30)
    assert pool(np.ones((4, 1)), np.full((4, 1), 0.25)).high == pytest.approx(1 + 1.959964 * 0.5, rel=1e-6)


def test_intervals_of_a_mean_cover_it():
    """Half of n normal values are missing, and drawn from what the other half says of mean and variance (Rubin's
    proper imputation): 95% intervals cover the mean in 95% of 2,000 repetitions."""
    rng, n, m, hit = np.random.default_rng(0), 40, 10, 0
    for _ in range(2000):
        seen = rng.normal(size=n // 2)
        variance = seen.var(ddof=1) * (n // 2 - 1) / rng.chisquare(n // 2 - 1, size=m)
        mean = seen.mean() + np.sqrt(variance / (n // 2)) * rng.normal(size=m)
        drawn = mean[:, None] + np.sqrt(variance)[:, None] * rng.normal(size=(m, n // 2))
        tables = np.concatenate([np.tile(seen, (m, 1)), drawn], axis=1)
        found = pool(tables.mean(axis=1), tables.var(axis=1, ddof=1) / n, df=n - 1)
        hit += found.low[0] < 0 < found.high[0]
    assert hit / 2000 == pytest.approx(0.95, abs=0.015)


def test_least_squares_by_the_formula():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 2))
    y = x @ [1.0, -2.0] + 3 + rng.normal(size=30)
    estimates, variances, df = estimates_of(LinearRegression(), x, y)
    slope = stats.linregress(x[:, 0], y)
    one, of_one, _ = estimates_of(LinearRegression(), x[:, :1], y)
    assert one == pytest.approx([slope.slope, slope.intercept])
    assert np.sqrt(of_one) == pytest.approx([slope.stderr, slope.intercept_stderr])
    assert estimates == pytest.approx(np.linalg.lstsq(np.column_stack([x, np.ones(30)]), y)[0]) and df == 27
    assert len(variances) == 3 and len(estimates_of(LinearRegression(fit_intercept=False), x, y)[0]) == 2


def test_a_function_or_a_result_with_standard_errors_is_taken():
    class Result:
        params, bse, df_resid = np.array([1.0, 2]), np.array([0.1, 0.2]), 7

    assert estimates_of(lambda table: (table.mean(), table.var() / 9), np.arange(3.0))[2] == math.inf
    estimates, variances, df = estimates_of(lambda table, y: Result(), None, 1)
    assert estimates.tolist() == [1, 2] and variances == pytest.approx([0.01, 0.04]) and df == 7


def test_refusals():
    with pytest.raises(SpecError, match="at least two tables"):
        pool([1.0], [1.0])
    with pytest.raises(SpecError, match=r"shape \(2, 1\) and variances of shape \(3, 1\)"):
        pool([1.0, 2], [1.0, 2, 3])
    with pytest.raises(SpecError, match="not finite, or variances below 0"):
        pool([1.0, 2], [1.0, -2])
    for estimator in (Ridge(), 3, lambda *_: 1.0, LinearRegression(positive=True)):
        with pytest.raises(SpecError, match="gives no variances; take LinearRegression, or a function"):
            estimates_of(estimator, np.eye(3), np.arange(3))
    with pytest.raises(SpecError, match="y: got nothing; a regression needs what it predicts"):
        estimates_of(LinearRegression(), np.eye(3))
    with pytest.raises(SpecError, match="a regression on 4 columns needs more than 3 rows"):
        estimates_of(LinearRegression(), np.eye(3), np.arange(3))
