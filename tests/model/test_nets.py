"""Dense layers and activations against hand-written NumPy."""

import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from latente.model.nets import ACTIVATIONS, MLP, Dense, activation, uniform


def test_dense_starts_as_keras_does():
    layer = Dense(784, 256, key=jr.key(0))
    limit = math.sqrt(6 / (784 + 256))
    assert float(jnp.abs(layer.weight).max()) <= limit
    assert float(layer.weight.std()) == pytest.approx(limit / math.sqrt(3), rel=0.01)
    assert float(jnp.abs(layer.bias).max()) == 0


def test_mlp_is_the_hand_written_one():
    net = MLP((12, 5, 3), "relu", key=jr.key(0))
    x = np.random.default_rng(0).normal(size=(3, 4))
    first, last = ((np.asarray(layer.weight), np.asarray(layer.bias)) for layer in net.layers)
    expected = np.maximum(x.ravel() @ first[0] + first[1], 0) @ last[0] + last[1]
    assert net(jnp.array(x)) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_activations_are_finite_with_finite_gradients(name):
    at = jnp.array([-30.0, -1.0, 0.0, 1.0, 30.0])
    assert np.isfinite(activation(name)(at)).all()
    assert np.isfinite(jax.vmap(jax.grad(activation(name)))(at)).all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (64, 64), (4097,), (3, 3, 7, 9), (1500, 1400)])
def test_initial_weights_are_jax_s_uniform_to_the_bit(shape):
    key = jr.key(math.prod(shape))
    expected = np.asarray(jr.uniform(key, shape, minval=-0.3, maxval=0.3))
    np.testing.assert_array_equal(uniform(key, shape, 0.3), expected)
    np.testing.assert_array_equal(jax.jit(lambda k: uniform(k, shape, 0.3))(key), expected)


def test_new_layers_of_other_sizes_compile_nothing():
    Dense(20, 30, key=jr.key(0))
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(lambda name, *_, **__: compiled.append(name))
    Dense(21, 33, key=jr.key(1))
    assert not [name for name in compiled if "compile" in name]
