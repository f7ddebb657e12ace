"""The discretised logistic against scipy's logistic, bin by bin."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from logistics import bins, log_probs, make, mean_of, mixture
from scipy import stats

from latente.errors import DataError, SpecError
from latente.model.likelihoods.discretised_logistic import log_bin, mean_level

# Every level, in a shape that broadcasts; and scales from the narrowest to the widest that is learnt.
BYTES = np.arange(256) / 255
SCALES = (-8.0, -5.0, -3.0, -1.0, 2.0)
LOCATIONS = (-0.4, 0.0, 0.1234, 0.5, 0.999, 1.0, 1.7)


@pytest.mark.parametrize("log_scale", SCALES)
def test_bins_are_scipys_and_sum_to_one(log_scale):
    ours = jax.jit(jax.vmap(lambda m: log_bin(m, jnp.float32(log_scale), jnp.array(BYTES, jnp.float32), 256)))
    for location, row in zip(LOCATIONS, np.asarray(ours(jnp.array(LOCATIONS)), np.float64), strict=True):
        assert np.exp(row).sum() == pytest.approx(1, abs=3e-4)
        expected = bins(location, log_scale)
        sure = expected > 1e-30
        np.testing.assert_allclose(row[sure], np.log(expected[sure]), rtol=2e-5, atol=3e-4)
    with jax.enable_x64(True):
        for location in LOCATIONS:
            row = log_bin(jnp.float64(location), jnp.float64(log_scale), jnp.array(BYTES), 256)
            expected = bins(location, log_scale)
            np.testing.assert_allclose(np.exp(row), expected, atol=1e-12)
            assert float(jnp.exp(row).sum()) == pytest.approx(1, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("levels", [2, 64, 256])
def test_mean_is_the_sum_over_the_levels(levels):
    locations = jnp.array([*np.linspace(-0.3, 1.3, 161), -9, 9], jnp.float32)
    mean = jax.jit(lambda m, s: mean_level(m, jnp.full_like(m, s), levels))
    for log_scale in SCALES:
        expected = [bins(float(m), log_scale, levels) @ np.arange(levels) / (levels - 1) for m in locations]
        np.testing.assert_allclose(mean(locations, log_scale), expected, atol=1.2e-5)


def test_samples_have_the_probabilities():
    likelihood = make(scale=float(np.exp(-2.0)), levels=8, shape=(1,))
    draws = np.asarray(likelihood.sample(jnp.full((1, 50_000), 0.2), key=jr.key(2)))
    counts = np.bincount(np.round(draws * 7).astype(int), minlength=8)
    assert np.allclose(draws * 7, np.round(draws * 7), atol=1e-5)
    assert stats.chisquare(counts, 50_000 * bins(0.2, -2.0, 8)).pvalue > 1e-3


def test_scale_is_fixed_learnt_or_for_each_value():
    x, location = jnp.array([0.0, 100 / 255, 1.0]), jnp.array([0.1, 0.5, 0.8])

    def expected(log_scales):
        index = (0, 100, 255)
        return [np.log(bins(m, s)[k]) for m, s, k in zip(np.asarray(location), log_scales, index, strict=True)]

    np.testing.assert_allclose(log_probs(make(scale=0.05), location[None], x), expected([np.log(0.05)] * 3), rtol=1e-4)
    learned = make()
    np.testing.assert_allclose(log_probs(learned, location[None], x), expected([-3.0] * 3), rtol=1e-4)
    moved = eqx.tree_at(lambda s: s.log_scale, learned, jnp.float32(1.5))
    np.testing.assert_allclose(log_probs(moved, location[None], x), expected([-3 + 5 * np.tanh(0.3)] * 3), rtol=1e-4)
    raw = jnp.array([-2.0, 0.0, 4.0])
    np.testing.assert_allclose(
        log_probs(make(scale="per-value"), jnp.stack([location, raw]), x),
        expected(-3 + 5 * np.tanh(raw / 5)),
        rtol=1e-4,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("likelihood", "shape"),
    [
        (make(), (4,)),
        (make(scale="per-value"), (4,)),
        (mixture((1, 2, 3), levels=256), (1, 2, 3)),
        (mixture((2, 2, 1), levels=256), (2, 2, 1)),
    ],
)
def test_bias_has_the_training_mean(likelihood, shape):
    mean = jnp.linspace(0.001, 0.95, int(np.prod(shape))).reshape(shape)
    bias = eqx.filter_jit(lambda part, m: part.bias(m))(likelihood, mean)
    assert bias.shape == likelihood.outputs(shape)
    np.testing.assert_allclose(mean_of(likelihood, bias), mean, atol=1e-5)


@pytest.mark.parametrize("name", ["discretised-logistic", "discretised-logistic-mixture"])
def test_wrong_data_and_options_are_refused(name):
    likelihood = make(name)
    likelihood.check(np.float32(1 / 255) * np.arange(256, dtype=np.float32), (3,))
    likelihood.check(np.array([np.nan, 0.0, 1.0]), (3,))
    with pytest.raises(DataError, match=rf'"{name}" takes the 256 levels 0, 0.00392, …, 1, and the data has 0.3;'):
        likelihood.check(np.array([0.0, 0.3]), (3,))
    with pytest.raises(DataError, match=r"and the data has 0.0625; it looks like data of 17 levels: say so"):
        likelihood.check(np.arange(17) / 16, (3,))
    with pytest.raises(DataError, match=rf'values from -1 to 1 .* "{name}" takes, 0 to 1; rescale'):
        likelihood.check(np.array([-1.0, 1.0]), (3,))
    with pytest.raises(SpecError, match=rf'"{name}": got levels = 1; allowed: a whole number of 2 to 65536'):
        make(name, levels=1)
    make(name, levels=65536).check(np.arange(65536, dtype=np.float32) * np.float32(1 / 65535), (3,))
