"""The Laplace likelihood against scipy."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import integrate, stats

from latente.errors import SpecError
from latente.model.likelihoods import likelihoods


def laplace(scale, shape=(3,)):
    return likelihoods.make({"name": "laplace", "scale": scale}).init(shape, key=jr.key(0))


@pytest.mark.parametrize("scale", [0.2, 1.0, 30])
def test_density_is_scipys_and_integrates_to_one(scale):
    x = np.array([1.0, -2.0, 0.5])
    mean = np.array([0.5, 4.0, 0.5])
    ours = laplace(scale).log_probs(jnp.array(mean)[None], jnp.array(x))
    np.testing.assert_allclose(ours, stats.laplace.logpdf(x, mean, scale), rtol=1e-6)
    grid = np.linspace(-20 * scale, 20 * scale, 20_001)
    density = np.exp(np.asarray(laplace(scale, grid.shape).log_probs(jnp.zeros((1, 20_001)), jnp.array(grid))))
    assert integrate.simpson(density, x=grid) == pytest.approx(1, abs=1e-4)


def test_a_learnt_scale_is_one_number_and_a_per_value_one_comes_from_the_decoder():
    import equinox as eqx

    x, mean = jnp.array([0.3, -1.0, 2.0]), jnp.array([0.0, 0.5, 2.5])
    learned = laplace("learned")
    assert learned.log_scale.shape == () and learned.outputs((3,)) == (1, 3)
    moved = eqx.tree_at(lambda s: s.log_scale, learned, jnp.float32(0.7))
    b = np.exp(6 * np.tanh(0.7 / 6))
    np.testing.assert_allclose(moved.log_probs(mean[None], x), stats.laplace.logpdf(x, mean, b), rtol=1e-5)
    raw = jnp.array([-1.0, 0.0, 2.0])
    each = laplace("per-value")
    assert each.outputs((3,)) == (2, 3)
    expected = stats.laplace.logpdf(x, mean, np.exp(6 * np.tanh(raw / 6)))
    np.testing.assert_allclose(each.log_probs(jnp.stack([mean, raw]), x), expected, rtol=1e-5)


@pytest.mark.slow
def test_samples_have_the_distribution():
    draws = np.asarray(laplace(0.5).sample(jnp.full((1, 20_000), 3.0), key=jr.key(1)))
    assert stats.kstest(draws, stats.laplace(3, 0.5).cdf).pvalue > 1e-3


@pytest.mark.parametrize("scale", [0, -1.0, True, "free", float("inf")])
def test_a_wrong_scale_is_refused(scale):
    with pytest.raises(
        SpecError, match=r'likelihood "laplace": got scale = .*; allowed: a number above 0, "learned" or "per-value"'
    ):
        laplace(scale)
