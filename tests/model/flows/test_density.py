"""Flows as densities: they integrate to one and agree with their samples."""

import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from madeflows import PLANE, base_log_prob, base_sample, shaken
from scipy import stats

from latente.errors import SpecError
from latente.model.flows.density import flow_log_prob, flow_sample, flow_sample_and_log_prob


@pytest.mark.slow
@pytest.mark.parametrize("name", ["real-nvp", "maf", "iaf"])
def test_the_density_integrates_to_one_and_has_the_samples_moments(name):
    flow, h = shaken(PLANE[name], size=0.3, context_dim=1), jnp.array([0.7])
    side = np.linspace(-15, 15, 601, dtype=np.float32)
    points = np.stack(np.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)
    log_prob = jax.jit(jax.vmap(lambda x: flow_log_prob(flow, base_log_prob, x, h)))(points)
    mass = np.exp(np.asarray(log_prob, float)) * (side[1] - side[0]) ** 2
    assert mass.sum() == pytest.approx(1, abs=2e-3)

    draws = jax.jit(jax.vmap(lambda k: flow_sample(flow, base_sample, h, key=k)))(jr.split(jr.key(0), 20_000))
    draws = np.asarray(draws, float)
    for power in (1, 2):
        ours, theirs = draws**power, mass @ points.astype(float) ** power
        assert (np.abs(ours.mean(0) - theirs) < 4.5 * ours.std(0) / math.sqrt(len(ours)) + 5e-3).all()
    # Far from the base: there is something to integrate.
    assert abs(np.asarray(log_prob) - np.asarray(jax.vmap(base_log_prob)(points)))[mass > 1e-6].max() > 1


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANE)
def test_a_draws_density_is_that_of_the_draws(name):
    # For any normalised p inside q's support, E_q[p / q] = 1: false of any wrong log q, and needs no inverse.
    flow = shaken(PLANE[name], size=0.3)

    @jax.jit
    @jax.vmap
    def run(key):
        y, log_prob = flow_sample_and_log_prob(flow, base_log_prob, base_sample, key=key)
        return y, log_prob, flow_log_prob(flow, base_log_prob, y) if flow.invertible else log_prob

    y, log_prob, evaluated = (np.asarray(a, float) for a in run(jr.split(jr.key(0), 40_000)))
    np.testing.assert_allclose(evaluated, log_prob, atol=1e-3)
    middle, slope = jax.jit(lambda z: (flow.forward(z)[0], jax.jacfwd(lambda v: flow.forward(v)[0])(z)))(jnp.zeros(2))
    p = stats.multivariate_normal(middle, 0.1 * np.asarray(slope @ slope.T, float))
    ratio = np.exp(p.logpdf(y) - log_prob)
    error = ratio.std() / math.sqrt(len(ratio))
    assert error < 0.02 and abs(ratio.mean() - 1) < 4.5 * error


def test_a_flow_without_an_inverse_gives_no_density_of_a_point():
    with pytest.raises(SpecError, match="no density of a given point; take a RealNVP"):
        flow_log_prob(shaken(PLANE["planar"]), base_log_prob, jnp.zeros(2))
