"""The sum of a Bernoulli's log-probabilities, which shares its logarithms, against double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from latente.model.likelihoods import likelihoods

BERNOULLI = likelihoods.make("bernoulli")


@pytest.mark.parametrize("size", [1, 5, 8, 13, 784])
@pytest.mark.parametrize("spread", [0.01, 3.0, 60.0])
def test_the_sum_its_gradient_and_curvature_are_those_of_its_values(size, spread):
    rng = np.random.default_rng(size)
    logits, x = spread * rng.normal(size=(1, size)), rng.uniform(size=size)
    logits[0, 0] = 200.0
    outputs, values = logits.astype(np.float32), x.astype(np.float32)
    p = special.expit(outputs.astype(float))
    terms = values.astype(float) * outputs - np.logaddexp(0, outputs.astype(float))
    np.testing.assert_allclose(BERNOULLI.log_prob(outputs, values), terms.sum(), rtol=1e-6)
    np.testing.assert_allclose(BERNOULLI.log_probs(outputs, values), terms[0], rtol=1e-6, atol=1e-5)

    by_outputs, by_values = jax.grad(BERNOULLI.log_prob, argnums=(0, 1))(jnp.asarray(outputs), jnp.asarray(values))
    np.testing.assert_allclose(by_outputs, values - p, atol=1e-6)
    np.testing.assert_allclose(by_values, outputs[0], rtol=1e-6)
    curvature = jax.grad(lambda o: jnp.sum(jax.grad(BERNOULLI.log_prob)(o, values)))(jnp.asarray(outputs))
    np.testing.assert_allclose(curvature, -p * (1 - p), atol=1e-6)
