"""Paired differences against scipy, and by simulation: how often intervals hold the truth, and tests are wrong."""

import itertools
from functools import partial

import numpy as np
import pytest
from scipy import stats

from latente.errors import DataError, SpecError
from latente.evaluation.metrics import differences as r
from latente.evaluation.metrics.intervals import Estimate

RNG = np.random.default_rng(0)


def corrected(models):
    """The differences of every two models, corrected together."""
    pairs = itertools.combinations(enumerate(models), 2)
    return r.together({f"{i}-{j}": partial(r.mean_difference, b - a) for (i, a), (j, b) in pairs})


def test_a_paired_difference_agrees_with_the_paired_t_test():
    a = RNG.normal(size=40)
    b = a + 0.1 + 0.2 * RNG.normal(size=40)
    theirs = stats.ttest_rel(b, a)
    found = r.mean_difference(b - a)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-10)
    ends = theirs.confidence_interval()
    assert (found.estimate.low, found.estimate.high) == pytest.approx((ends.low, ends.high), rel=1e-10)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("over_seeds", [0.15, 2.0])
def test_differences_over_seeds_and_examples_hold_the_truth_as_often_as_they_say(seeds, over_seeds):
    rng, trials = np.random.default_rng(2), 600
    missed = {0.95: 0, 0.99: 0}
    for _ in range(trials):
        d = 0.3 + over_seeds * rng.normal(size=(seeds, 1)) + rng.normal(size=(1, 40)) + rng.normal(size=(seeds, 40))
        for level in missed:
            found = r.mean_difference(d, level=level).estimate
            missed[level] += not found.low < 0.3 < found.high
    # At most as often as they say, with room for chance; not idle either, but where two seeds know next to nothing.
    assert missed[0.95] / trials < 0.05 + 2 * np.sqrt(0.05 * 0.95 / trials)
    assert missed[0.99] / trials < 0.01 + 2 * np.sqrt(0.01 * 0.99 / trials)
    assert missed[0.95] / trials > (0.001 if seeds == 2 else 0.01 if seeds == 3 else 0.02)


def test_the_p_value_is_the_level_at_which_the_interval_ends_at_zero():
    d = 1.5 + RNG.normal(size=(3, 1)) + RNG.normal(size=(3, 30))
    p = r.mean_difference(d).p_value
    found = r.mean_difference(d, level=1 - p).estimate
    assert found.low == pytest.approx(0, abs=1e-6 * found.value) and 1e-4 < p < 0.5
    assert r.mean_difference(1e6 + d).p_value < 1e-10


def test_over_seeds_alone_it_is_the_t_test_of_the_seeds():
    v = RNG.normal(size=6)
    theirs = stats.ttest_1samp(v, 0)
    found = r.from_parts(v.mean(), [r.part_of(v)])
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-10)
    assert (found.estimate.low, found.estimate.high) == pytest.approx(tuple(theirs.confidence_interval()), rel=1e-10)
    # Without an interaction, examples of next to no variance change nothing.
    d = v[:, None] + 1e-9 * RNG.normal(size=(1, 20))
    assert r.mean_difference(d).p_value == pytest.approx(found.p_value, rel=1e-4)


def test_of_a_known_variance_it_is_the_normal_interval():
    found = r.from_parts(3.0, [(4.0, np.inf)])
    assert found.p_value == pytest.approx(2 * stats.norm.sf(1.5), rel=1e-12)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((3 - 2 * 1.959964, 3 + 2 * 1.959964), rel=1e-6)


def test_a_difference_without_any_variance():
    same = r.mean_difference([0.0, 0.0])
    assert (same.estimate, same.p_value) == (Estimate(0, 0, 0), 1.0)
    other = r.mean_difference([1.0, 1.0])
    assert (other.estimate, other.p_value) == (Estimate(1, 1, 1), 0.0)


def test_holm_is_the_closed_test_of_bonferronis():
    # A hypothesis is rejected where every intersection that holds it is: p of a set S is |S| · min of S.
    p = np.array([0.01, 0.04, 0.03, 0.2, 0.011])
    closed = [
        max(
            min(1, len(s) * p[list(s)].min())
            for n in range(1, 6)
            for s in itertools.combinations(range(5), n)
            if i in s
        )
        for i in range(5)
    ]
    assert r.holm(p) == pytest.approx(closed, rel=1e-12)


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_several_differences_share_their_errors(seeds):
    rng, wrong, missed, trials = np.random.default_rng(3), 0, 0, 200
    for _ in range(trials):
        models = [rng.normal(size=(seeds, 1)) * (seeds > 1) + rng.normal(size=(seeds, 25)) for _ in range(4)]
        found = corrected(models)
        wrong += any(d.p_value < 0.05 for d in found.values())
        missed += any(not d.estimate.low < 0 < d.estimate.high for d in found.values())
    # All are equal: an error of any of the six is at most as frequent as one test's may be.
    assert wrong == missed, "verdicts by p and by interval are one"
    assert wrong / trials < 0.05 + 2 * np.sqrt(0.05 * 0.95 / trials)
    assert missed / trials < 0.05 + 2 * np.sqrt(0.05 * 0.95 / trials)
    assert {d.comparisons for d in found.values()} == {6}


def test_what_is_far_from_zero_is_found():
    rng = np.random.default_rng(4)
    models = [step + 0.3 * rng.normal(size=(3, 1)) + rng.normal(size=(3, 200)) for step in (0, 0, 30)]
    found = corrected(models)
    assert {k for k, d in found.items() if d.p_value < 0.05} == {"0-2", "1-2"}
    assert found["0-2"].estimate.low < 30 < found["0-2"].estimate.high


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: r.mean_difference([0]), DataError, "got 1 example; allowed: at least 2"),
        (lambda: r.mean_difference(np.ones((2, 2, 2))), DataError, r"got shape \[2, 2, 2\]; allowed: \[n\] or"),
        (lambda: r.mean_difference([1.0, 2.0], level=1.0), SpecError, "level: got 1.0; allowed: a number above 0"),
        (lambda: r.holm([0.1, 1.2]), DataError, "got 0.1 to 1.2; allowed: 0 to 1"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
