"""Intervals against scipy, closed forms, and how often they hold a known truth."""

import numpy as np
import pytest
from scipy import stats

from latente.errors import DataError, SpecError
from latente.evaluation.metrics import intervals as r
from latente.evaluation.metrics.intervals import Estimate

RNG = np.random.default_rng(0)


def group_jackknife(statistic, sizes, groups=r.GROUPS, seed=0):
    """A statistic's interval, as metrics have it: one random group of every set left out at a time."""
    groups = r.group_count(sizes, groups)
    rng = np.random.default_rng(seed)
    labels = [r.group_labels(n, groups, rng) for n in sizes]
    found = [float(statistic(*(np.flatnonzero(g != left) for g in labels))) for left in range(groups)]
    return r.from_groups(float(statistic(*(np.arange(n) for n in sizes))), found)


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
        found = group_jackknife(lambda i, j, x=x, y=y: float(x[i].mean() - y[j].mean()), [120, 80], seed=trial)
        hits += found.low < 0 < found.high
    assert 0.92 < hits / trials < 0.98


def test_the_group_jackknife_of_a_mean_with_a_group_each_is_students_interval():
    x = RNG.normal(size=30)
    found = group_jackknife(lambda i: float(x[i].mean()), [30], groups=30)
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
        (lambda: r.check_level(1.0), SpecError, "level: got 1.0; allowed: a number above 0"),
        (lambda: r.group_count([3], 1), SpecError, "groups: got 1; allowed: a whole number of at least 2"),
        (lambda: r.group_count([3, 0]), DataError, r"sets of \[3, 0\] examples"),
        (lambda: r.mean_interval([]), DataError, "values: got 0 examples; allowed: an array of at least 1"),
        (lambda: r.mean_interval([1, np.nan]), DataError, "values: 1 of 2 examples hold NaN"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
