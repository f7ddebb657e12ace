"""Intervals against scipy, closed forms, and how often they hold a known truth."""

import numpy as np
import pytest
from scipy import stats

from latente.errors import DataError, SpecError
from latente.evaluation.metrics import intervals as r
from latente.evaluation.metrics.intervals import Estimate

RNG = np.random.default_rng(0)


def test_bootstrap_agrees_with_scipys_percentiles():
    x = RNG.exponential(size=200)
    ours = r.bootstrap(lambda i: float(np.median(x[i])), [200], draws=4000)
    theirs = stats.bootstrap((x,), np.median, method="percentile", n_resamples=4000, rng=1).confidence_interval
    assert ours.value == np.median(x)
    assert ours.low == pytest.approx(theirs.low, abs=0.02)
    assert ours.high == pytest.approx(theirs.high, abs=0.02)


def test_bootstrap_of_two_sets_has_both_variances_and_the_same_bits_for_a_seed():
    x, y = RNG.normal(size=300), 3 * RNG.normal(size=100)

    def difference(i, j):
        return float(y[j].mean() - x[i].mean())

    found = r.bootstrap(difference, [300, 100], draws=3000, seed=5)
    error = np.sqrt(x.var() / 300 + y.var() / 100)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.07)
    assert found == r.bootstrap(difference, [300, 100], draws=3000, seed=5)
    assert found != r.bootstrap(difference, [300, 100], draws=3000, seed=6)


def test_the_jackknife_of_a_mean_is_its_standard_error():
    x = RNG.normal(size=50)
    left = [np.delete(x, i).mean() for i in range(50)]
    assert r.jackknife_error(left) == pytest.approx(x.std(ddof=1) / np.sqrt(50), rel=1e-12)


def test_the_jackknife_takes_alike_examples_together():
    x = np.array([0.0] * 7 + [1.0] * 13)
    left = [np.delete(x, i).mean() for i in range(20)]
    assert r.jackknife_error([13 / 19, 12 / 19], [7, 13]) == pytest.approx(r.jackknife_error(left), rel=1e-12)


def test_the_group_jackknife_holds_the_truth_as_often_as_it_says():
    rng, hits, trials = np.random.default_rng(1), 0, 400
    for trial in range(trials):
        x, y = rng.exponential(size=120), rng.exponential(size=80)
        found = r.group_jackknife(lambda i, j, x=x, y=y: float(x[i].mean() - y[j].mean()), [120, 80], seed=trial)
        hits += found.low < 0 < found.high
    assert 0.92 < hits / trials < 0.98


def test_the_group_jackknife_of_a_mean_with_a_group_each_is_students_interval():
    x = RNG.normal(size=30)
    found = r.group_jackknife(lambda i: float(x[i].mean()), [30], groups=30)
    half = stats.t.ppf(0.975, 29) * x.std(ddof=1) / np.sqrt(30)
    assert (found.low, found.high) == pytest.approx((x.mean() - half, x.mean() + half), rel=1e-12)


def test_groups_are_of_equal_size_and_at_random():
    labels = r.group_labels(103, 10, np.random.default_rng(0))
    assert sorted(np.bincount(labels)) == [10] * 7 + [11] * 3
    assert (np.diff(labels) != 1).any()


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (977, 1000)])
def test_wilson_agrees_with_scipy(k, n):
    theirs = stats.binomtest(k, n).proportion_ci(method="wilson")
    found = r.wilson(k / n, n)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_the_mean_interval_agrees_with_scipy_and_one_value_knows_nothing():
    x = RNG.normal(size=12)
    theirs = stats.ttest_1samp(x, 0).confidence_interval()
    found = r.mean_interval(x)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), rel=1e-12)
    assert r.mean_interval([2.0]) == Estimate(2.0, -np.inf, np.inf)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: r.bootstrap(np.mean, [3], level=1.0), SpecError, "level: got 1.0; allowed: a number above 0"),
        (lambda: r.bootstrap(np.mean, [3], draws=1), SpecError, "draws: got 1; allowed: a whole number at least 2"),
        (lambda: r.bootstrap(np.mean, [3, 0]), DataError, r"sets of \[3, 0\] examples"),
        (lambda: r.mean_interval([]), DataError, "values: got 0 examples; allowed: an array of at least 1"),
        (lambda: r.mean_interval([1, np.nan]), DataError, "values: 1 of 2 examples hold NaN"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
