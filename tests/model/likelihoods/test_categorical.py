"""The categorical likelihood against scipy's softmax."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import special, stats

from latente.errors import DataError, SpecError
from latente.model.likelihoods import likelihoods


def make(**options):
    return likelihoods.make({"name": "categorical", **options})


@pytest.mark.slow
def test_probabilities_are_the_softmax_and_sum_to_one():
    logits = np.random.default_rng(0).normal(0, 4, (5, 3))
    table = np.stack([make(categories=5).log_probs(jnp.array(logits), jnp.full(3, float(k))) for k in range(5)])
    np.testing.assert_allclose(table, special.log_softmax(logits, axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.exp(table).sum(axis=0), 1, atol=1e-6)
    grey = np.stack([make(categories=5, values="grey").log_probs(logits, jnp.full(3, k / 4)) for k in range(5)])
    np.testing.assert_array_equal(grey, table)


def test_every_level_of_a_byte_is_its_own_category():
    x = jnp.arange(256, dtype=jnp.float32) * jnp.float32(1 / 255)
    logits = jnp.array(np.random.default_rng(1).normal(size=(256, 256)))
    ours = make(categories=256, values="grey").log_probs(logits, x)
    np.testing.assert_allclose(ours, np.diag(special.log_softmax(np.asarray(logits), axis=0)), rtol=1e-5)


def test_mean_and_samples():
    logits = jnp.array([[1.0, -2.0], [0.0, 3.0], [1.5, 0.0]])
    p = special.softmax(np.asarray(logits, np.float64), axis=0)
    np.testing.assert_allclose(make(categories=3, values="grey").mean(logits), p.T @ [0, 0.5, 1], rtol=1e-6)
    np.testing.assert_array_equal(make(categories=3).mean(logits), [2, 1])
    for values, top in (("whole", 2), ("grey", 1)):
        draw = jax.jit(jax.vmap(lambda k, v=values: make(categories=3, values=v).sample(logits, key=k)))
        draws = np.asarray(draw(jr.split(jr.key(0), 5000)))
        for column in range(2):
            counts = np.bincount((draws[:, column] * 2 / top).astype(int), minlength=3)
            assert set(np.unique(draws)) == {0, top / 2, top}
            assert stats.chisquare(counts, 5000 * p[:, column]).pvalue > 1e-3


@pytest.mark.parametrize(("shape", "expected"), [((4,), (12,)), ((2, 2), (2, 2, 3)), ((2, 2, 2), (2, 2, 6))])
def test_features_are_zeros_and_a_one(shape, expected):
    likelihood = make(categories=3)
    x = jr.randint(jr.key(0), shape, 0, 3).astype(jnp.float32)
    features = likelihood.features(x)
    assert features.shape == likelihood.features_shape(shape) == expected
    np.testing.assert_array_equal(features.reshape(-1, 3).argmax(axis=1), x.ravel())
    assert float(features.sum()) == x.size
    np.testing.assert_array_equal(make(categories=3, values="grey").features(x / 2), x / 2)


def test_bias_of_grey_is_of_greatest_entropy_with_the_mean():
    mean = jnp.array([0.001, 0.2, 0.5, 0.93])
    likelihood = make(categories=16, values="grey")
    bias = jax.jit(lambda m: likelihood.bias(m))(mean)
    np.testing.assert_allclose(likelihood.mean(bias), mean, atol=1e-5)
    # Of greatest entropy under one moment: log p is a straight line in the level.
    np.testing.assert_allclose(np.diff(bias, 2, axis=0), 0, atol=1e-3)
    two = make(categories=2, values="grey").bias(jnp.array([0.2]))
    assert float(two[1, 0] - two[0, 0]) == pytest.approx(np.log(0.2 / 0.8), abs=1e-5)
    with pytest.raises(SpecError, match=r'"categorical" does not go with output_bias'):
        make(categories=3).bias(mean)


def test_wrong_data_and_options_are_refused():
    make(categories=3).check(np.array([0.0, 2.0, np.nan]), (3,))
    for wrong in (3.0, -1.0, 0.5):
        with pytest.raises(
            DataError, match=rf'"categorical" takes the whole numbers 0 to 2, and the data has {wrong:g};'
        ):
            make(categories=3).check(np.array([0.0, wrong]), (2,))
    make(categories=5, values="grey").check(np.array([0.0, 0.25, 1.0, np.nan]), (4,))
    with pytest.raises(DataError, match=r"takes the 5 levels 0, 0.25, …, 1, and the data has 0.3;"):
        make(categories=5, values="grey").check(np.array([0.0, 0.3]), (2,))
    with pytest.raises(SpecError, match=r"got categories = 1; allowed: a whole number of 2 to 65536"):
        make(categories=1)
    with pytest.raises(SpecError, match=r'unknown values of likelihood "categorical" "gray"; did you mean "grey"'):
        make(values="gray")
