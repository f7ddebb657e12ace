"""The Gumbel-softmax posterior: probabilities of classes, densities of relaxed codes, gradients."""

import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import integrate, special

from latente.errors import SpecError
from latente.model.posteriors import posteriors
from latente.model.priors import priors

LOGITS = np.float32([0.5, -1, 2, 0, 1.5, -0.5])  # two latents of three classes
PI = special.softmax(LOGITS.astype(np.float64).reshape(2, 3), axis=1)


def gumbel(**options):
    return posteriors.make({"name": "gumbel-softmax", "classes": 3, **options})


def draws(q, outputs, n, seed=0):
    found = jax.jit(jax.vmap(lambda key: q.draw(outputs, key=key)))(jr.split(jr.key(seed), n))
    return tuple(np.asarray(f, np.float64) for f in found)


@pytest.mark.slow
def test_hard_codes_are_one_hot_with_the_classes_probabilities():
    n = 100_000
    z, log_q = draws(gumbel(), LOGITS, n)
    assert set(np.unique(z)) == {0.0, 1.0}
    np.testing.assert_array_equal(z.reshape(n, 2, 3).sum(-1), 1)
    error = np.sqrt(PI * (1 - PI) / n)
    assert np.all(np.abs(z.mean(0).reshape(2, 3) - PI) < 4 * error)
    np.testing.assert_allclose(log_q, z @ np.log(PI).ravel(), rtol=1e-5)
    again = jax.vmap(gumbel().log_prob, (None, 0))(LOGITS, z[:100].astype(np.float32))
    np.testing.assert_allclose(log_q[:100], again, rtol=1e-5)
    # The probabilities of all nine codes add up to one.
    every = np.stack([np.concatenate([a, b]) for a in np.eye(3) for b in np.eye(3)])
    total = np.exp(jax.vmap(gumbel().log_prob, (None, 0))(LOGITS, every.astype(np.float32))).sum()
    assert total == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_soft_codes_lie_in_the_simplex_with_their_own_density(temperature):
    q, n = gumbel(hard=False, temperature=temperature), 100_000
    z, log_q = draws(q, LOGITS, n)
    groups = z.reshape(n, 2, 3)
    np.testing.assert_allclose(groups.sum(-1), 1, atol=1e-5)
    # Rounding a relaxed code gives the class with its probability (Maddison et al. 2017, proposition 1b).
    largest = np.eye(3)[groups.argmax(-1)].mean(0)
    assert np.all(np.abs(largest - PI) < 4 * np.sqrt(PI * (1 - PI) / n))
    inside = z.min(1) > 1e-6  # closer to the edge float32 codes do not tell their density exactly
    again = np.asarray(jax.vmap(q.log_prob, (None, 0))(LOGITS, z[:300].astype(np.float32)))
    np.testing.assert_allclose(log_q[:300][inside[:300]], again[inside[:300]], rtol=1e-4, atol=1e-3)
    # E_q p / q = 1 with p the uniform relaxation, which is less peaked.
    prior = priors.make({"name": "uniform-concrete", "classes": 3, "temperature": temperature})
    log_p = np.asarray(jax.vmap(prior.log_prob)(z.astype(np.float32)), np.float64)
    weights = np.exp(log_p - log_q)
    assert abs(weights.mean() - 1) < 4 * weights.std() / math.sqrt(n)
    # and the same with the sides changed: the prior's own draws and density.
    y = np.asarray(jax.vmap(lambda key: prior.sample(6, key=key))(jr.split(jr.key(9), n)))
    ratio = np.exp(np.asarray(jax.vmap(q.log_prob, (None, 0))(LOGITS, y) - jax.vmap(prior.log_prob)(y), np.float64))
    assert abs(ratio.mean() - 1) < 4 * ratio.std() / math.sqrt(n)


def test_the_relaxed_density_integrates_to_one_over_the_simplex():
    q = posteriors.make({"name": "gumbel-softmax", "classes": 3, "hard": False, "temperature": 0.8})
    # Entries are softmax(u₁, u₂, 0); the Jacobian of the first two in u is their product with the third.
    u = np.linspace(-25, 25, 701)
    grid = np.stack([*np.meshgrid(u, u, indexing="ij"), np.zeros((len(u), len(u)))], -1).reshape(-1, 3)
    z = special.softmax(grid, axis=1)
    log_density = jax.jit(jax.vmap(q.log_prob, (None, 0)))(LOGITS[:3], z.astype(np.float32))
    total = np.sum(np.exp(np.asarray(log_density, np.float64)) * z.prod(1)) * (u[1] - u[0]) ** 2
    assert total == pytest.approx(1, abs=2e-3)


def test_soft_gradients_are_those_of_the_expectation():
    # Two classes: z₀ = σ((l₀ − l₁ + Λ) / λ) with logistic Λ, so E z₀² is one integral.
    t, n = 0.7, 100_000
    q = posteriors.make({"name": "gumbel-softmax", "classes": 2, "hard": False, "temperature": t})
    outputs = jnp.asarray([0.4, -0.3])

    def expectation(difference):
        def integrand(v):
            return special.expit((difference + v) / t) ** 2 * special.expit(v) * special.expit(-v)

        return integrate.quad(integrand, -40, 40, epsabs=1e-11)[0]

    want = (expectation(0.7 + 1e-4) - expectation(0.7 - 1e-4)) / 2e-4
    slopes = jax.jit(jax.vmap(jax.grad(lambda o, key: q.sample(o, key=key)[0] ** 2), (None, 0)))
    found = np.asarray(slopes(outputs, jr.split(jr.key(0), n)), np.float64)
    assert np.all(np.abs(found.mean(0) - [want, -want]) < 4 * found.std(0) / math.sqrt(n))


@pytest.mark.slow
def test_hard_codes_carry_the_soft_codes_gradient():
    weights = jnp.asarray([1.0, -2, 0.5, 3, 0, 1])

    def slope(hard):
        q = gumbel(hard=hard)
        return jax.grad(lambda o: jnp.sum(weights * q.sample(o, key=jr.key(5))))(jnp.asarray(LOGITS))

    soft = np.asarray(slope(False))
    np.testing.assert_allclose(slope(True), soft, rtol=1e-6)

    def value(o):
        return float(jnp.sum(weights * gumbel(hard=False).sample(o, key=jr.key(5))))

    want = [(value(LOGITS + s) - value(LOGITS - s)) / 2e-2 for s in 1e-2 * np.eye(6, dtype=np.float32)]
    np.testing.assert_allclose(soft, want, atol=1e-3)
    assert np.abs(soft).max() > 0.05


def test_the_mean_code_is_the_mode_or_the_probabilities():
    np.testing.assert_array_equal(gumbel().mean(LOGITS), [0, 0, 1, 0, 1, 0])
    np.testing.assert_allclose(gumbel(hard=False).mean(LOGITS), PI.ravel(), rtol=1e-5)


def test_extreme_logits_and_low_temperatures_stay_finite():
    for hard in (True, False):
        q = gumbel(hard=hard, temperature=0.05)

        def loss(o, q=q):
            z, log_q = q.draw(o, key=jr.key(0))
            return jnp.sum(z[::2]) + log_q

        value, slope = jax.value_and_grad(loss)(jnp.asarray([100.0, -100, 0, 0, 0, 0]))
        assert np.isfinite(value) and np.isfinite(slope).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": 1}, 'posterior "gumbel-softmax": got classes = 1'),
        ({"temperature": 0}, "temperature = 0; allowed: a number above 0"),
        ({"hard": 1}, "hard = 1; allowed: true or false"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(SpecError, match=message):
        posteriors.make({"name": "gumbel-softmax", **options})
