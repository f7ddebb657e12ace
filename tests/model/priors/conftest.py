"""What every prior over two numbers is held to."""

import functools

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

BINS, FINE, DRAWS = 8, 20, 20_000


@functools.partial(jax.jit, static_argnums=2)
def _both(prior, corner, draws, step):
    at = corner + step * (jnp.arange(BINS * FINE) + 0.5)[:, None]
    grid = jnp.stack(jnp.meshgrid(at[:, 0], at[:, 1], indexing="ij"), axis=-1).reshape(-1, 2)
    drawn = jax.vmap(lambda key: prior.sample(2, key=key))(jr.split(jr.key(7), draws))
    return jax.vmap(prior.log_prob)(grid), drawn


@pytest.fixture
def hold_to_its_density():
    """Integrates a prior's density over a square and compares its draws to it, bin by bin."""

    def hold(prior, half, tolerance=2e-3):
        step = 2 * half / (BINS * FINE)
        log_p, drawn = _both(prior, jnp.full(2, -half), DRAWS, step)
        mass = np.exp(np.asarray(log_p, np.float64)).reshape(BINS, FINE, BINS, FINE).sum(axis=(1, 3)) * step**2
        assert mass.sum() == pytest.approx(1, abs=tolerance)
        drawn = np.asarray(drawn)
        edges = np.linspace(-half, half, BINS + 1)
        seen = np.histogram2d(drawn[:, 0], drawn[:, 1], [edges, edges])[0]
        assert seen.sum() > 0.997 * DRAWS
        often = mass * DRAWS > 5
        expected = mass[often] / mass[often].sum() * seen[often].sum()
        assert often.sum() > 8
        assert stats.chisquare(seen[often], expected).pvalue > 1e-4

    return hold
