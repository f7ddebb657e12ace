"""The tail index of importance weights against distributions whose index is known, and another fit of the same."""

import numpy as np
import pytest
from scipy.stats import genpareto

from latente.evaluation.likelihood.pareto import fit_pareto, limit, tail_index, tail_size

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("k", [-0.3, 0.01, 0.3, 0.5, 0.7, 1.0, 1.3])
def test_the_index_of_generalised_pareto_draws(k):
    x = np.sort(genpareto.rvs(k, scale=3.0, size=(300, 95), random_state=RNG), axis=1)
    found, scale = fit_pareto(x)
    # Less what draws it to a half: 10 weights against 95.
    plain = (found * 105 - 5) / 95
    assert plain.mean() == pytest.approx(k, abs=0.06) and plain.std() < 0.25
    # Maximum likelihood, by another hand, of some of the same rows.
    theirs = np.array([genpareto.fit(row, floc=0) for row in x[:20]])
    assert plain[:20].mean() == pytest.approx(theirs[:, 0].mean(), abs=0.08)
    assert scale[:20].mean() == pytest.approx(theirs[:, 2].mean(), rel=0.06) and scale.mean() == pytest.approx(
        3, rel=0.05
    )
    small = fit_pareto(1e-9 * x)
    assert small[0] == pytest.approx(found, rel=1e-6) and small[1] == pytest.approx(1e-9 * scale, rel=1e-6)


def weights(width, dimensions, samples=1000, examples=200):
    """Logs of p / q for codes of q = N(0, width²) and p = N(0, 1); and the bound on log 1 = 0 that they give."""
    z = width * RNG.normal(size=(examples, samples, dimensions))
    log_w = (0.5 * (z / width) ** 2 - 0.5 * z**2).sum(axis=2) + dimensions * np.log(width)
    bound = np.log(samples) - np.logaddexp.reduce(log_w, axis=1)
    return -np.sort(-log_w, axis=1)[:, :201], bound.mean()


@pytest.mark.parametrize(("width", "dimensions"), [(0.9, 1), (0.7, 4), (0.5, 4), (0.1, 4)])
def test_a_posterior_that_is_too_narrow_has_the_index_that_theory_says(width, dimensions):
    """The weight is exp(a χ²/2) up to a constant, with a = 1 − width², whose tail index is a."""
    found = tail_index(weights(width, dimensions)[0], 1000)
    assert found.mean() == pytest.approx(1 - width**2, abs=0.12)


def test_what_a_doubling_does_not_show_the_tail_does():
    greatest, loose = weights(0.1, 1)
    assert loose > 1 and (tail_index(greatest, 1000) > limit(1000)).mean() > 0.7
    greatest, loose = weights(0.9, 1)
    assert loose < 0.01 and (tail_index(greatest, 1000) > limit(1000)).mean() < 0.02


def test_a_perfect_posterior_has_no_tail_and_few_draws_tell_none():
    greatest, _ = weights(1.0, 2)
    assert not tail_index(greatest, 1000).any()
    rounded = np.sort(1e-5 * RNG.standard_cauchy((20, 201)), axis=1)[:, ::-1].clip(-5e-4, 5e-4)
    assert not tail_index(rounded, 1000).any()
    assert np.isnan(tail_index(np.zeros((3, 5)), 20)).all()
    assert [tail_size(k) for k in (20, 100, 1000, 5000, 10**6)] == [4, 20, 95, 200, 200]
    assert limit(1000) == pytest.approx(2 / 3) and limit(10**5) == 0.7 and limit(5) == 0


def test_a_constant_in_the_weights_moves_no_index():
    greatest, _ = weights(0.5, 2, examples=20)
    assert tail_index(greatest - 720, 1000) == pytest.approx(tail_index(greatest, 1000), abs=1e-9)
