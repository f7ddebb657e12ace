"""Influence functions: intervals cover as often as they say, over examples and over seeds."""

import math

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from latente.analysis.conclusions import measures
from latente.evaluation.metrics import influence
from latente.evaluation.metrics.influence import Stat, combine
from latente.evaluation.metrics.intervals import Estimate

RNG = np.random.default_rng(0)


def test_one_seed_has_the_normal_interval_over_examples():
    x = RNG.normal(3, 2, 400)
    found = combine([influence.mean(x)])
    half = norm.ppf(0.975) * x.std(ddof=1) / 20
    assert (found.low, found.value, found.high) == pytest.approx((x.mean() - half, x.mean(), x.mean() + half))


def test_several_seeds_add_their_t_interval():
    same = np.arange(10.0)
    found = combine([influence.mean(same + shift) for shift in (0, 1, 2)])
    over_seeds = student.ppf(0.975, 2) * 1 / math.sqrt(3)
    over_examples = norm.ppf(0.975) * same.std(ddof=1) / math.sqrt(10)
    assert found.value == 5.5 and found.high - 5.5 == pytest.approx(math.hypot(over_seeds, over_examples))


def test_an_undefined_number_has_no_interval():
    assert combine([]) is None and combine([Stat(math.nan)]) is None
    assert combine([influence.ratio(np.ones(3), np.zeros(3))]) is None
    assert combine([influence.quotient_of_sets(influence.mean(np.ones(3)), influence.mean(np.zeros(3)))]) is None


def test_paired_differences_have_no_error_where_the_examples_decide_it():
    x = RNG.normal(0, 100, 50)
    assert combine([influence.difference(influence.mean(x), influence.mean(x + 1))]) == Estimate(
        *[pytest.approx(1)] * 3
    )
    unpaired = combine([influence.difference_of_sets(influence.mean(x), influence.mean(x + 1))])
    assert unpaired.high - unpaired.low > 50


@pytest.mark.parametrize("kind", ["ratio", "quotient", "root", "effective", "spread", "energy"])
def test_intervals_cover_as_often_as_they_say(kind):
    rng = np.random.default_rng(1)

    def one():
        x = rng.exponential(size=150)
        if kind == "ratio":
            return influence.ratio(x, 2 * x + rng.exponential(size=150)), 1 / 3
        if kind == "quotient":
            return influence.quotient_of_sets(influence.mean(x), influence.mean(rng.exponential(2, size=150))), 0.5
        if kind == "root":
            return influence.root(influence.mean(4 * x)), 2.0
        if kind == "effective":
            p = np.array([0.5, 0.3, 0.2])
            return measures.effective_classes(rng.choice(3, 150, p=p), 3), math.exp(-(p * np.log(p)).sum())
        if kind == "spread":
            # Two normals in one dimension are on average 2/√π apart.
            return measures.mean_pair_distance(rng.normal(size=(150, 1))), 2 / math.sqrt(math.pi)
        # Two samples as far from the real examples as each other, on either side.
        real = rng.normal(size=(200, 2))
        within = measures.mean_pair_distance(real).value
        first, second = (measures.energy(rng.normal(at, size=(150, 2)), real, within) for at in (-1, 1))
        return measures.energy_difference(first, second), 0.0

    drawn = [(combine([stat]), truth) for stat, truth in (one() for _ in range(200))]
    # The share of 200 repetitions has a standard error of 1.5 points.
    assert 0.89 <= np.mean([e.low <= truth <= e.high for e, truth in drawn]) <= 0.995


@pytest.mark.parametrize(("p", "n"), [(0.97, 32), (0.5, 20), (0.02, 100)])
def test_intervals_of_shares_cover_at_the_edges_too(p, n):
    rng = np.random.default_rng(2)
    cover = {"share": [], "apart": [], "paired": [], "ratio": []}
    for _ in range(400):
        a, b = (rng.random(n) < p).astype(float), (rng.random(n) < p).astype(float)
        cover["share"].append((influence.share([a]), p))
        cover["apart"].append((influence.shares_apart([(a, b)]), 0.0))
        cover["paired"].append((influence.shares_paired([(a, b)]), 0.0))
        real = (rng.random(200) < 0.9).astype(float)
        cover["ratio"].append((influence.shares_ratio([a], real), p / 0.9))
    for kind, found in cover.items():
        assert np.mean([e.low <= truth <= e.high for e, truth in found]) > 0.92, kind
        assert all(e.low <= e.value <= e.high and e.high > e.low for e, _ in found)
        assert all(e.low >= (0 if kind in ("share", "ratio") else -1) for e, _ in found)
        assert kind == "ratio" or all(e.high <= 1 for e, _ in found)


def test_shares_count_seeds_and_never_leave_their_range():
    ones, most = np.ones(30), np.r_[np.ones(27), np.zeros(3)]
    one, two = influence.share([ones]), influence.share([ones, most])
    assert one.high == 1 and one.low == pytest.approx(30 / (30 + norm.ppf(0.975) ** 2))
    assert two.value == 0.95 and two.high == 1 and two.low < 0.5  # Student's t of two seeds is wide
    assert influence.shares_paired([(ones, ones)]).high > 0 > influence.shares_paired([(ones, ones)]).low
    assert influence.shares_ratio([ones], np.zeros(30)) is None
