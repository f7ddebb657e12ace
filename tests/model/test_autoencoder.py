"""The whole model: its size, and data of any shape."""

import jax.numpy as jnp
import jax.random as jr
import pytest

from latente.model.build import build
from latente.objective.presets import AE, VAE


@pytest.mark.slow
def test_the_notebooks_models_have_its_parameter_counts():
    vae = build(VAE(2), (28, 28), key=jr.key(0))
    encoder = 784 * 256 + 256 + 256 * 128 + 128 + 2 * (128 * 2 + 2)
    decoder = 2 * 128 + 128 + 128 * 256 + 256 + 256 * 784 + 784
    assert vae.parameters() == encoder + decoder
    ae = build(AE(), (28, 28), key=jr.key(0))
    assert ae.parameters() == 784 * 256 + 256 + 256 * 32 + 32 + 32 * 256 + 256 + 256 * 784 + 784
    assert float(ae.code(jnp.ones((28, 28))).min()) >= 0


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(7,), (5, 9), (3, 4, 3)])
def test_any_shape_goes_in_and_comes_out(shape):
    model = build(VAE(3, hidden=()), shape, key=jr.key(0))
    z = model.code(jnp.ones(shape))
    assert z.shape == (3,) and model.mean(z).shape == shape
