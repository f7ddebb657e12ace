"""The mixture of discretised logistics against scipy's logistic: all colours of a pixel, and bytes."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from logistics import bins, log_probs, make, mean_of, mixture
from scipy import special, stats

import latente
from latente.errors import SpecError
from latente.model.build import build


def joint_of(flat, components, levels, linear):
    """P(red, green, blue) of one pixel from its outputs, channel after channel, with scipy's logistic."""
    k, values = components, np.arange(levels) / (levels - 1) - 0.5
    weights = np.exp(flat[:k]) / np.exp(flat[:k]).sum()
    locations, log_scales = flat[k : 4 * k].reshape(k, 3), -3 + 5 * np.tanh(flat[4 * k : 7 * k].reshape(k, 3) / 5)
    c = np.tanh(flat[7 * k :]).reshape(k, 3) if linear else np.zeros((k, 3))
    joint = np.zeros((levels,) * 3)
    for weight, (r, g, b), s, (c1, c2, c3) in zip(weights, locations, log_scales, c, strict=True):
        red = bins(r, s[0], levels)
        for i in range(levels):
            green = bins(g + c1 * values[i], s[1], levels)
            for j in range(levels):
                blue = bins(b + c2 * values[i] + c3 * values[j], s[2], levels)
                joint[i, j] += weight * red[i] * green[j] * blue
    return joint


def correlation_given_nothing(joint):
    """How far a joint distribution is from the product of its margins."""
    margins = [joint.sum(axis=axes) for axes in ((1, 2), (0, 2), (0, 1))]
    return np.abs(joint - np.einsum("a,b,c->abc", *margins)).max()


@pytest.fixture(scope="module", params=["linear", "independent"])
def pixel(request):
    """A mixture for one colour pixel of 6 levels, outputs, and all 216 probabilities by scipy."""
    likelihood = mixture((1, 1, 3), channels=request.param)
    # Locations about the middle and log s about −1.6, so that no level is rare and the linear terms are felt.
    outputs = 0.8 * jr.normal(jr.key(3), likelihood.outputs((1, 1, 3)))
    outputs = outputs.at[3:12].multiply(0.5).at[3:12].add(0.5).at[12:21].add(1.5)
    joint = joint_of(np.asarray(outputs, np.float64).ravel(), 3, 6, request.param == "linear")
    return likelihood, outputs, joint


def test_mixture_of_colour_is_the_sum_over_shared_components_and_sums_to_one(pixel):
    likelihood, outputs, joint = pixel
    assert outputs.shape == (3 * (10 if likelihood.channels == "linear" else 7), 1, 1, 1)
    grid = np.stack(np.meshgrid(*[np.arange(6)] * 3, indexing="ij"), -1).reshape(-1, 1, 1, 3)
    ours = np.asarray(jax.jit(jax.vmap(lambda x: likelihood.log_prob(outputs, x)))(jnp.array(grid / 5, jnp.float32)))
    np.testing.assert_allclose(np.exp(ours), joint.ravel(), atol=2e-6)
    assert np.exp(ours).sum() == pytest.approx(1, abs=1e-4)
    assert correlation_given_nothing(joint) > 0.005


@pytest.mark.slow
def test_mean_and_samples_of_a_colour_pixel_are_those_of_all_its_probabilities(pixel):
    likelihood, outputs, joint = pixel
    axes = np.stack(np.meshgrid(*[np.arange(6) / 5] * 3, indexing="ij"), -1)
    np.testing.assert_allclose(mean_of(likelihood, outputs).ravel(), np.einsum("abc,abcd->d", joint, axes), atol=1e-5)
    draws = jax.jit(jax.vmap(lambda k: likelihood.sample(outputs, key=k)))(jr.split(jr.key(9), 100_000))
    cells = np.round(np.asarray(draws).reshape(-1, 3) * 5).astype(int) @ [36, 6, 1]
    counts, expected = np.bincount(cells, minlength=216), 100_000 * joint.ravel()
    often = expected > 5
    assert often.sum() > 80
    # The rare ones together are one cell.
    found, wanted = ([*v[often], v[~often].sum()] for v in (counts, expected))
    assert stats.chisquare(found, wanted).pvalue > 1e-3


def test_linear_terms_alone_make_the_channels_depend_on_one_another():
    joint = joint_of(np.array([0.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 2.0, 2.0, 2.0]), 1, 6, True)
    assert correlation_given_nothing(joint) > 0.01
    assert correlation_given_nothing(joint_of(np.array([0.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]), 1, 6, False)) < 1e-12


@pytest.mark.slow
def test_means_of_bytes_of_colour_are_within_a_quarter_of_a_level_of_the_sums_over_all_of_them():
    rng = np.random.default_rng(0)
    n, levels = 16, np.arange(256) / 255
    locations, c = rng.uniform(-0.2, 1.2, (n, 3)), np.tanh(1.5 * rng.normal(size=(n, 3)))
    # Half from the narrowest to very wide, half about the usual; a few as steep as can be.
    log_scales = np.where(np.arange(n)[:, None] % 2, rng.uniform(-7.5, 0, (n, 3)), rng.uniform(-4, -1, (n, 3)))
    c[::4] = 0.99 * rng.choice([-1, 1], (n // 4, 3))
    raw = 5 * np.arctanh((log_scales + 3) / 5)
    outputs = np.concatenate([np.zeros((n, 1)), locations, raw, np.arctanh(c)], axis=1).reshape(n, 10, 1, 1, 1)
    likelihood = mixture((1, 1, 3), components=1, levels=256)
    ours = jax.jit(jax.vmap(likelihood.mean))(jnp.array(outputs, jnp.float32))
    edges = (np.arange(255) + 0.5) / 255

    def table(m, s):
        """Probabilities of the levels about each of m, shape (*m.shape, 256)."""
        below = special.expit((edges - np.asarray(m)[..., None]) / np.exp(s))
        return np.diff(below, prepend=0, append=1, axis=-1)

    exact = []
    for (r, g, b), s, (c1, c2, c3) in zip(locations, log_scales, c, strict=True):
        red, green = table(r, s[0]), table(g + c1 * (levels - 0.5), s[1])
        both = red[:, None] * green
        # Blue's mean at every place it may be, from a fine table: its locations lie on no grid.
        at = np.linspace(b - 1, b + 1, 8001)
        means = special.expit((at[:, None] - edges) / np.exp(s[2])).sum(axis=1) / 255
        blue = np.interp(b + c2 * (levels[:, None] - 0.5) + c3 * (levels - 0.5), at, means)
        exact.append([red @ levels, red @ green @ levels, np.sum(both * blue)])
    off = 255 * np.abs(np.asarray(ours).reshape(n, 3) - exact)
    assert off[:, 0].max() < 0.01
    assert off.max() < 0.25
    assert off.mean() < 0.04


@pytest.mark.slow
def test_a_mixtures_terms_by_channel_add_up_and_missing_channels_are_summed_over():
    likelihood = mixture((2, 2, 3), channels="independent")
    outputs = 0.7 * jr.normal(jr.key(4), likelihood.outputs((2, 2, 3)))
    x = jnp.round(jr.uniform(jr.key(5), (2, 2, 3)) * 5) / 5
    score, seen = (jax.jit(lambda x, f=f: f(outputs, x)) for f in (likelihood.log_prob, likelihood.log_prob_observed))
    terms = log_probs(likelihood, outputs, x)
    assert terms.shape == (2, 2, 3)
    assert float(terms.sum()) == pytest.approx(float(score(x)), abs=1e-4)
    assert float(seen(x)) == pytest.approx(float(score(x)), abs=1e-5)
    every = [score(x.at[0, 1, 0].set(k / 5)) for k in range(6)]
    assert float(seen(x.at[0, 1, 0].set(jnp.nan))) == pytest.approx(float(jax.nn.logsumexp(jnp.array(every))), abs=1e-4)


@pytest.mark.slow
def test_one_component_is_the_discretised_logistic_and_grey_shapes_are_kept():
    one, alone = mixture((2, 3), components=1, levels=256), make(scale="per-value", shape=(2, 3))
    outputs = jr.normal(jr.key(6), (3, 2, 3))
    x = jnp.round(jr.uniform(jr.key(7), (2, 3)) * 255) / 255
    np.testing.assert_allclose(log_probs(one, outputs, x), log_probs(alone, outputs[1:], x), rtol=1e-5)
    np.testing.assert_allclose(mean_of(one, outputs), mean_of(alone, outputs[1:]), atol=1e-6)
    for shape in ((4,), (2, 3), (2, 3, 1), (2, 3, 2), (2, 3, 3), (2, 3, 4)):
        likelihood = mixture(shape)
        outputs = jax.ShapeDtypeStruct(likelihood.outputs(shape), jnp.float32)
        drawn = jax.eval_shape(lambda o, part=likelihood: part.sample(o, key=jr.key(0)), outputs)
        assert jax.eval_shape(lambda o, part=likelihood: part.mean(o), outputs).shape == drawn.shape == shape


@pytest.mark.slow
def test_mixture_samples_share_the_component_among_channels():
    likelihood = mixture((1, 1, 3), components=2, levels=256)
    # Components far apart and narrow: all channels dark, or all bright.
    raw = jnp.concatenate([jnp.zeros(2), jnp.array([0.2] * 3 + [0.8] * 3), jnp.full(6, -2.0)])
    raw = jnp.concatenate([raw, jnp.zeros(6)]).reshape(20, 1, 1, 1)
    draws = np.asarray(jax.jit(jax.vmap(lambda k: likelihood.sample(raw, key=k)))(jr.split(jr.key(8), 2000))).reshape(
        -1, 3
    )
    bright = draws > 0.5
    assert (bright.all(axis=1) | ~bright.any(axis=1)).all()
    assert abs(bright[:, 0].mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)


def test_a_mixture_needs_a_component():
    with pytest.raises(SpecError, match=r"got components = 0; allowed: a whole number of 1 to 1000"):
        mixture((3,), components=0)


@pytest.mark.slow
def test_colour_with_linear_terms_does_not_go_with_missing_values():
    spec = latente.VAE(2, hidden=(4,), likelihood="discretised-logistic-mixture", missing=True)
    with pytest.raises(SpecError, match=r'mixture" does not go with missing = true: no channel .* "independent"'):
        build(spec, (2, 2, 3), key=jr.key(0))
    assert build(spec, (2, 2), key=jr.key(0)).missing
    likelihood = mixture((1, 1, 3))
    with pytest.raises(SpecError, match="does not go with missing values"):
        likelihood.log_prob_observed(jnp.zeros(likelihood.outputs((1, 1, 3))), jnp.zeros((1, 1, 3)))
    with pytest.raises(SpecError, match='unknown channels of .*"linaer"; did you mean "linear"'):
        mixture((3,), channels="linaer")
