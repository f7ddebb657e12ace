"""Networks against hand-written NumPy and scipy's convolution; every image size comes out as it went in."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.signal import correlate

from latente.errors import SpecError
from latente.model.build import build
from latente.model.networks import networks
from latente.model.networks.base import Plan
from latente.model.networks.convolutional import Conv, Residual
from latente.model.networks.gated import GatedMLP
from latente.objective.presets import VAE


@pytest.mark.slow
def test_the_gated_layer_is_the_hand_written_one():
    net = GatedMLP((5, 4, 3), "tanh", key=jr.key(0))
    x, c = np.random.default_rng(0).normal(size=3), np.array([0.5, -2.0])
    both = np.concatenate([x, c])
    value = np.tanh(both @ np.asarray(net.values[0].weight) + np.asarray(net.values[0].bias))
    gate = 1 / (1 + np.exp(-(both @ np.asarray(net.gates[0].weight))))
    expected = (value * gate) @ np.asarray(net.last.weight)
    assert np.asarray(net(jnp.array(x), jnp.array(c))) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(5, 7), (6, 4)])
def test_the_convolution_is_scipys(stride, size):
    conv = Conv(2, 3, stride=stride, key=jr.key(0))
    x = np.random.default_rng(0).normal(size=(*size, 2))
    # XLA's "SAME" puts the odd one of the padding at the end, so an even size starts a pixel later.
    start = [1 if stride == 2 and n % 2 == 0 else 0 for n in size]
    weight = np.asarray(conv.weight)
    full = np.stack([sum(correlate(x[:, :, i], weight[:, :, i, o], "same") for i in range(2)) for o in range(3)], -1)
    expected = full[start[0] :: stride, start[1] :: stride]
    assert np.asarray(conv(jnp.array(x))) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.slow
def test_the_gradient_of_the_convolution_is_xlas():
    conv, x = Conv(3, 2, stride=2, key=jr.key(0)), jr.normal(jr.key(1), (4, 6, 5, 3))

    def by_xla(weight, x):
        layout = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(x, weight, (2, 2), "SAME", dimension_numbers=layout)

    def ours(weight, x):
        return jax.vmap(eqx.tree_at(lambda c: c.weight, conv, weight))(x)

    found, expected = (jax.grad(lambda w, x, f=f: (f(w, x) ** 2).sum(), (0, 1))(conv.weight, x) for f in (ours, by_xla))
    for mine, truth in zip(found, expected, strict=True):
        assert np.asarray(mine) == pytest.approx(np.asarray(truth), rel=1e-4, abs=1e-4)


@pytest.mark.slow
def test_a_new_residual_block_changes_nothing_but_learns():
    block, x = Residual(3, "relu", key=jr.key(0)), jr.normal(jr.key(1), (4, 5, 3))
    assert np.array_equal(block(x), x)
    gradient = eqx.filter_grad(lambda b: (b(x) ** 2).sum())(block)
    assert float(jnp.abs(gradient.narrow.weight).max()) > 0.1


@eqx.filter_jit
def looked_at(model, x, c):
    """A code and its mean, the Jacobians of encoder and decoder, and both with one context and another."""
    z = model.code(x, c)
    here, there = ((model.decode(z, given), model.encode(x, given)) for given in (c, 1 - c))
    seen = jax.jacrev(lambda x: model.encode(x, c))(x)
    return z, model.mean(z, c), seen, jax.jacfwd(lambda z: model.decode(z, c))(z + 0.5), here, there


@pytest.mark.parametrize("network", ["conv", {"name": "residual", "blocks": 1}, "gated-mlp"])
@pytest.mark.parametrize("shape", [(8, 8), (7, 13), (5, 9, 3), (1, 1)])
def test_any_image_goes_in_and_comes_out_with_its_gradient_everywhere(network, shape):
    model = build(VAE(3, hidden=(4, 6), network=network, activation="tanh"), shape, key=jr.key(0), context=2)
    c = jnp.array([1.0, 0.0])
    x = jr.uniform(jr.key(1), shape)
    z, mean, seen, moved, here, there = looked_at(model, x, c)
    assert z.shape == (3,) and mean.shape == shape
    # Every pixel is seen, every code moves every pixel, and so does the context.
    assert np.abs(seen).max(axis=0).min() > 0
    assert np.abs(moved).max(axis=-1).min() > 0
    assert not any(np.array_equal(a, b) for a, b in zip(here, there, strict=True))


def test_outputs_come_in_the_likelihoods_order():
    # Two numbers a value: the first half of the flat outputs are means, the second log σ.
    plan = Plan((2, 4, 6, 3), 5, (8,), "relu")
    decoder = networks.make("conv").decoder(plan, key=jr.key(0))
    biased = eqx.tree_at(lambda d: d.ups[-1].bias, decoder, jnp.arange(6.0))
    out = np.asarray(biased(jnp.zeros(5))).reshape(plan.shape)
    assert np.allclose(out[0, 0, 0], [0, 1, 2]) and np.allclose(out[1, 3, 5], [3, 4, 5])


def test_output_bias_is_the_training_mean_at_the_start():
    for network in ("mlp", "gated-mlp"):
        spec = VAE(2, hidden=(4,), network=network)
        model = build(spec, (3, 2), key=jr.key(0))
        mean = jnp.linspace(0.1, 0.9, 6).reshape(3, 2)
        decoder = networks.make(network).with_bias(model.decoder, model.likelihood.bias(mean))
        at_zero = eqx.tree_at(lambda m: m.decoder, model, decoder).mean(jnp.zeros(2))
        assert np.asarray(at_zero) == pytest.approx(np.asarray(mean), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"network": "conv"}, 'network "conv" needs images'),
        ({"network": {"name": "residual", "blocks": 0}}, "got blocks = 0; allowed: a whole number of at least 1"),
    ],
)
def test_what_a_network_cannot_do_is_refused(parts, message):
    with pytest.raises(SpecError) as error:
        build(VAE(2, **parts), (12,), key=jr.key(0))
    assert message in str(error.value)
    with pytest.raises(SpecError, match="at least one number of channels"):
        build(VAE(2, hidden=(), network="conv"), (4, 4), key=jr.key(0))
    with pytest.raises(SpecError, match="does not go with output_bias"):
        networks.make("conv").with_bias(None, jnp.zeros(3))
