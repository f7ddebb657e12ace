"""Flows learn a density known exactly, from its samples or from itself."""

import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest
from madeflows import PLANE, base_log_prob, base_sample
from scipy import stats

from latente.model.flows.density import flow_log_prob, flow_sample, flow_sample_and_log_prob

WIDTH = 0.4  # of the banana
ENTROPY = 1 + math.log(2 * math.pi) + math.log(WIDTH)


def banana(n, seed):
    """x₀ ~ N(0, 1), x₁ ~ N(x₀² − 1, 0.4²): bent, and its density known."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return np.stack([x, x**2 - 1 + WIDTH * rng.normal(size=n)], 1).astype(np.float32)


def banana_log_prob(x):
    return base_log_prob(jnp.stack([x[0], (x[1] - x[0] ** 2 + 1) / WIDTH])) - math.log(WIDTH)


def trained(name, loss, steps, **options):
    """The flow after Adam on ``loss(flow, key)``, in one compiled program, and the losses."""
    optimiser = optax.adam(optax.cosine_decay_schedule(1e-2, steps))

    @jax.jit
    def run(key):
        flow = PLANE[name](key=key, **options)

        def step(carry, key):
            flow, state = carry
            value, slopes = jax.value_and_grad(loss)(flow, key)
            updates, state = optimiser.update(slopes, state)
            return (optax.apply_updates(flow, updates), state), value

        (flow, _), losses = jax.lax.scan(step, (flow, optimiser.init(flow)), jr.split(key, steps))
        return flow, losses

    return run(jr.key(0))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["real-nvp", "maf"])
def test_maximum_likelihood_on_a_banana_comes_near_its_entropy(name):
    train, test = banana(2000, 1), banana(20_000, 2)

    def nll(flow, x):
        return -jnp.mean(jax.vmap(lambda v: flow_log_prob(flow, base_log_prob, v))(x))

    flow, _ = trained(name, lambda f, k: nll(f, jr.choice(k, train, (256,))), 500)
    ours = float(jax.jit(nll)(flow, test))
    gaussian = -stats.multivariate_normal(train.mean(0), np.cov(train.T)).logpdf(test).mean()
    exact = -float(jnp.mean(jax.vmap(banana_log_prob)(test)))
    print(
        f"{name}: flow {ours:.3f}, gaussian {gaussian:.3f}, truth on the same points {exact:.3f}, entropy {ENTROPY:.3f}"
    )
    assert exact - 1e-3 < ours < exact + 0.06  # no density beats the truth; a good one comes near
    assert ours < gaussian - 0.7

    draws = jax.jit(jax.vmap(lambda k: flow_sample(flow, base_sample, key=k)))(jr.split(jr.key(1), 4000))
    draws = np.asarray(draws, float)
    # Along the bend, across it, and seen from the side: in the truth, N(0, 1) twice and whatever fresh draws give.
    assert stats.kstest(draws[:, 0], "norm").statistic < 0.05
    assert stats.kstest((draws[:, 1] - draws[:, 0] ** 2 + 1) / WIDTH, "norm").statistic < 0.05
    assert stats.ks_2samp(draws[:, 1], test[:, 1]).statistic < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", ["iaf", "planar"])
def test_fitted_to_a_density_by_its_own_samples_it_comes_nearer_than_any_normal(name):
    def kl(flow, keys):
        y, log_q = jax.vmap(lambda k: flow_sample_and_log_prob(flow, base_log_prob, base_sample, key=k))(keys)
        return jnp.mean(log_q - jax.vmap(banana_log_prob)(y))

    # The best independent normal, by the closed form of KL(N(m, s²) ‖ banana), minimised on a grid.
    m, s0, s1 = np.meshgrid(np.linspace(-2, 1, 61), np.geomspace(0.1, 1.5, 60), np.geomspace(0.1, 1.5, 60))
    energy = 0.5 * s0**2 + 0.5 * (s1**2 + (m + 1 - s0**2) ** 2 + 2 * s0**4) / WIDTH**2
    normal = (energy - np.log(s0 * s1) - 1 + math.log(WIDTH)).min()
    flow, _ = trained(name, lambda f, k: kl(f, jr.split(k, 128)), 600, **({"gate": False} if name == "iaf" else {}))
    ours = float(jax.jit(kl)(flow, jr.split(jr.key(7), 20_000)))
    print(f"{name}: KL {ours:.3f}, best normal {normal:.3f}")
    assert -0.02 < ours < {"iaf": 0.3, "planar": 0.8}[name] * normal
