"""Which latents count as unused and what is recommended then, and the distance of codes to the prior."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import latente
from latente.evaluation.likelihood.collapse import aggregate_mmd, diagnose, wider
from latente.model.build import build
from latente.objective.kernels import SCALES, squared_mmd
from latente.objective.objectives.mmd import kernel_for

MODEL = eqx.filter_eval_shape(build, latente.VAE(3, hidden=()), (4,), key=jr.key(0))
"""Of which the kernel takes the prior and the number of latents."""


def test_some_unused_latents_are_counted_and_the_rest_recommended():
    variances = np.array([0.5, 0.001, 0.3, 0.0099, 0.0, 1.2])
    found = diagnose(variances, latente.VAE(6, hidden=(8,)))
    assert found.unused == (1, 3, 4) and found.active == 3
    assert found.advice.startswith("3 of 6 latents are unused; try: a lower weight of the KL (beta is 1)")
    assert "fewer latents (as few as 3)" in found.advice
    assert diagnose(np.full(6, 0.02), latente.VAE(6)).advice == "all 6 latents are used"
    warm = latente.preset("WarmupVAE", 6)
    assert "warm-up" not in diagnose(variances, warm).advice
    free = diagnose(variances, latente.preset("FreeBitsVAE", 6)).advice
    assert "more free bits" in free and "beta" not in free
    # NaN is no sign of use.
    assert diagnose(np.array([np.nan, 1.0]), latente.VAE(2)).unused == (0,)


@pytest.mark.slow
def test_the_mmd_is_the_kernels_and_its_error_that_of_repetitions():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(40):
        codes, prior = rng.normal(0.7, 0.8, (120, 3)).astype(np.float32), rng.normal(size=(120, 3)).astype(np.float32)
        found.append(aggregate_mmd(MODEL, codes, prior))
    one = jnp.ones(120)
    exact = squared_mmd(kernel_for(MODEL, "imq", SCALES), jnp.asarray(codes), jnp.asarray(prior), one, one)
    assert found[-1].value == pytest.approx(float(exact), rel=1e-3)
    spread = np.std([m.value for m in found], ddof=1)
    assert np.mean([m.standard_error for m in found]) == pytest.approx(spread, rel=0.35)
    same = aggregate_mmd(MODEL, prior, rng.normal(size=(120, 3)).astype(np.float32))
    assert abs(same.value) < 0.1 * np.mean([m.value for m in found])


@pytest.mark.slow
def test_draws_a_fifth_wider_are_a_difference_of_some_size_and_three_percent_are_not():
    prior, codes = np.random.default_rng(0).normal(size=(2, 3000, 3)).astype(np.float32)
    limit = aggregate_mmd(MODEL, wider(prior), prior)
    assert wider(prior).std(axis=0) == pytest.approx(1.2 * prior.std(axis=0), rel=1e-4)
    assert limit.value > 5 * limit.standard_error
    assert abs(aggregate_mmd(MODEL, 1.03 * codes, prior).value) < limit.value / 5
    assert aggregate_mmd(MODEL, 1.5 * codes, prior).value > 2 * limit.value
