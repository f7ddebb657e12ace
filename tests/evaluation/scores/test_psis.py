"""Smoothed importance weights against weights whose mean is known, and the evidence of the linear-Gaussian model."""

import jax.numpy as jnp
import numpy as np
import pytest
from lineargaussian import EVIDENCE, linear_gaussian
from made import untrained

import latente
from latente.errors import SpecError
from latente.evaluation.likelihood.importance import nll
from latente.evaluation.scores import scores
from latente.evaluation.scores.psis import smoothed, smoothed_nll
from latente.training.examples import Examples, Scale


def root_mean_square(x):
    return float(np.sqrt((x**2).mean()))


@pytest.mark.parametrize(("width", "dimensions"), [(0.8, 2), (0.7, 4), (0.5, 2), (0.3, 1)])
def test_smoothing_brings_the_estimate_nearer_to_the_truth(width, dimensions):
    """Of p / q for codes of q = N(0, width²) and p = N(0, 1): the mean is 1, and −log of it 0."""
    z = width * np.random.default_rng(0).normal(size=(400, 1000, dimensions))
    log_w = (0.5 * (z / width) ** 2 - 0.5 * z**2).sum(axis=2) + dimensions * np.log(width)
    found, index = smoothed(log_w)
    plain = np.log(1000) - np.logaddexp.reduce(log_w, axis=1)
    assert root_mean_square(found) < 0.97 * root_mean_square(plain)
    # The tail index is 1 − width², and the estimate does not depend on a constant but by adding it.
    assert index.mean() == pytest.approx(1 - width**2, abs=0.12)
    assert smoothed(log_w - 700)[0] == pytest.approx(found + 700, abs=1e-9)


def test_weights_without_a_tail_are_left_as_they_are():
    found, index = smoothed(np.full((3, 100), -2.5))
    assert found == pytest.approx(np.full(3, 2.5), abs=1e-12) and not index.any()


def test_it_sees_the_draws_of_nll_and_finds_the_evidence():
    x = EVIDENCE.rvs(60, random_state=0).astype(np.float32)
    model, given = linear_gaussian(0.3, 1.5), (Scale(jnp.ones(()), jnp.zeros(()), False), Examples(jnp.asarray(x)))
    found, index = smoothed_nll(model, *given, 1000)
    exact, bound = -EVIDENCE.logpdf(x), nll(model, *given, samples=1000)
    assert found.mean() == pytest.approx(exact.mean(), abs=0.01)
    assert index == pytest.approx(bound.tails, abs=1e-3)
    # Light tails: smoothing changes next to nothing.
    assert found == pytest.approx(bound.values, abs=0.05)


def test_a_run_is_scored_on_the_scale_of_nll(tiny):
    run = untrained(tiny, latente.VAE(2, hidden=(8,)), "vae")
    measured = run.score({"name": "psis", "samples": 100})
    assert set(measured.values) == {"psis_100", "psis_100_index", "psis_100_heavy"}
    bound = run.score({"name": "nll", "samples": 100}).values["nll_100"]
    assert measured.values["psis_100"].value == pytest.approx(bound.value, abs=0.5)
    assert scores.make("psis").scale(run) == scores.make("nll").scale(run)
    with pytest.raises(SpecError, match="psis: samples: got 24; allowed: a whole number of at least 25"):
        scores.make({"name": "psis", "samples": 24})
