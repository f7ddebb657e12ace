"""How many seeds a claim about models takes, against simulated studies."""

import numpy as np
import pytest
from scipy import stats

from latente.analysis.power import MOST, POWER, seeds_needed


def shown(seeds, difference, spread, error, level, trials=4000):
    """The share of studies of so many seeds that show the difference."""
    d = difference + spread * np.random.default_rng(0).normal(size=(trials, seeds))
    over_seeds = stats.t.ppf((1 + level) / 2, seeds - 1) * d.std(axis=1, ddof=1) / np.sqrt(seeds)
    half = np.hypot(over_seeds, stats.norm.ppf((1 + level) / 2) * error)
    return float((d.mean(axis=1) > half).mean())


@pytest.mark.parametrize(
    ("difference", "spread", "error", "level"),
    [(1.0, 1.0, 0.0, 0.95), (1.0, 0.5, 0.1, 0.95), (0.3, 1.0, 0.05, 0.95), (1.0, 0.4, 0.1, 1 - 0.05 / 15)],
)
def test_so_many_seeds_show_it_and_one_fewer_does_not(difference, spread, error, level):
    n = seeds_needed(difference, spread, error, level=level)
    assert shown(n, difference, spread, error, level) == pytest.approx(POWER, abs=0.12)
    assert shown(n, difference, spread, error, level) > POWER - 0.02
    assert shown(n - 1, difference, spread, error, level) < POWER + 0.02


def test_it_is_the_sample_size_of_the_t_test():
    # Cohen 1988, table 2.4.1, of one sample: 80% at 5% two-sided, of half a deviation 34.
    assert seeds_needed(0.5, 1.0) == pytest.approx(34, abs=1)
    assert seeds_needed(-0.5, 1.0) == seeds_needed(50.0, 100.0) == seeds_needed(0.5, 1.0)


def test_what_no_number_of_seeds_shows():
    assert seeds_needed(0.1, 1.0, error=0.06) is None
    assert seeds_needed(1e-6, 1.0) is None and seeds_needed(0.0, 1.0) is None and seeds_needed(np.nan, 1.0) is None
    assert seeds_needed(1.0, 0.0, error=0.1) == 2 and seeds_needed(0.1, 1.0) < MOST
