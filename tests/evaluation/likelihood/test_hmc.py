"""What chains start from and go by: examples simulated from the model, and the ladder of distributions."""

import jax.random as jr
import numpy as np
import pytest
from lineargaussian import EVIDENCE, linear_gaussian

from latente.evaluation.likelihood import hmc
from latente.evaluation.likelihood.hmc import sigmoid_ladder


def test_simulated_examples_are_the_models():
    _, x = hmc.simulate(linear_gaussian(), None, jr.split(jr.key(0), 4000))
    x, cov = np.asarray(x), EVIDENCE.cov
    variances = np.diag(cov)
    assert (np.abs(x.mean(axis=0) - EVIDENCE.mean) < 4 * np.sqrt(variances / 4000)).all()
    error = np.sqrt((np.outer(variances, variances) + cov**2) / 4000)
    assert (np.abs(np.cov(x.T) - cov) < 4 * error).all()


def test_the_ladder_is_closest_at_both_ends():
    ladder = sigmoid_ladder(100)
    assert ladder[0] == 0 and ladder[-1] == 1 and (np.diff(ladder) > 0).all()
    assert np.diff(ladder)[[0, -1]] == pytest.approx(np.diff(ladder)[50] / 13.3, rel=0.1)
    assert sigmoid_ladder(2)[1] == pytest.approx(0.5)
