"""Likelihoods, posteriors, priors and networks against scipy, Monte Carlo and hand-written NumPy."""

import itertools
import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.errors import DataError, SpecError
from latente.model.build import build
from latente.model.likelihoods import likelihoods
from latente.model.likelihoods.bernoulli import Bernoulli
from latente.model.likelihoods.gaussian import Gaussian
from latente.model.nets import ACTIVATIONS, MLP, Dense, activation
from latente.model.networks import networks
from latente.model.posteriors import posteriors
from latente.model.posteriors.dirac import Dirac
from latente.model.posteriors.gaussian import LOG_VARIANCE_BOUND, DiagonalGaussian
from latente.model.priors import priors
from latente.model.priors.none import NoPrior
from latente.model.priors.normal import StandardNormal
from latente.objective.presets import AE, VAE, presets
from latente.spec import ModelSpec


def test_bernoulli_is_scipys_on_bits_and_sums_to_one():
    logits = jnp.array([[-2.0, 0.3, 4.0]])
    total = 0.0
    for bits in itertools.product([0.0, 1.0], repeat=3):
        ours = float(Bernoulli().log_prob(logits, jnp.array(bits)))
        assert ours == pytest.approx(stats.bernoulli.logpmf(bits, jax.nn.sigmoid(logits[0])).sum(), abs=1e-5)
        total += math.exp(ours)
    assert total == pytest.approx(1, abs=1e-6)


def test_bernoulli_on_grey_is_keras_binary_cross_entropy():
    rng = np.random.default_rng(0)
    x, logits = rng.uniform(size=784), 3 * rng.normal(size=784)
    p = 1 / (1 + np.exp(-logits))
    keras = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum()
    assert -float(Bernoulli().log_prob(jnp.array([logits]), jnp.array(x))) == pytest.approx(keras, rel=1e-6)


def test_bernoulli_stays_finite_at_extreme_logits():
    logits = jnp.array([[1e4, -1e4, 0.0]])
    assert float(Bernoulli().log_prob(logits, jnp.array([1.0, 0.0, 1.0]))) == pytest.approx(-math.log(2))
    gradient = jax.grad(lambda o: Bernoulli().log_prob(o, jnp.array([0.5, 0.5, 0.5])))(logits)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.5])
def test_gaussian_is_scipys_and_integrates_to_one(sigma):
    mean, x = jnp.array([[0.5, -1.0]]), jnp.array([1.0, 2.0])
    ours = float(Gaussian(sigma).log_prob(mean, x))
    assert ours == pytest.approx(stats.norm.logpdf(x, mean[0], sigma).sum(), rel=1e-5)
    grid = jnp.linspace(0.5 - 9 * sigma, 0.5 + 9 * sigma, 4001)
    density = jnp.exp(jax.vmap(lambda v: Gaussian(sigma).log_prob(jnp.array([[0.5]]), v[None]))(grid))
    assert float(jnp.trapezoid(density, grid)) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", ["bernoulli", "gaussian"])
def test_a_likelihoods_samples_have_its_mean(name):
    likelihood = likelihoods.make(name)
    outputs = jnp.array([[0.7, -1.2, 0.1]])
    draws = jax.vmap(lambda k: likelihood.sample(outputs, key=k))(jr.split(jr.key(0), 20_000))
    error = draws.std(axis=0) / math.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - likelihood.mean(outputs)) < 4.5 * error).all()


def test_data_outside_the_support_is_refused():
    with pytest.raises(DataError, match=r'values from -1 to 1 .* "bernoulli" takes, 0 to 1; rescale'):
        Bernoulli().check(np.array([-1.0, 1.0]), (1,))
    Bernoulli().check(np.array([0.0, np.nan, 1.0]), (1,))
    Gaussian().check(np.array([-1e6, 1e6]), (1,))


def test_binarisation_draws_each_value_with_itself_as_the_probability():
    x = jnp.array([0.0, 0.2, 0.7, 1.0, jnp.nan])
    dynamic = Bernoulli("dynamic")
    draws = np.asarray(jax.vmap(lambda k: dynamic.observe(x, key=k))(jr.split(jr.key(0), 20_000)))
    assert np.isnan(draws[:, 4]).all() and set(np.unique(draws[:, :4])) == {0.0, 1.0}
    assert draws[:, :4].mean(axis=0) == pytest.approx([0, 0.2, 0.7, 1], abs=0.015)
    static = Bernoulli("static")
    many = jr.uniform(jr.key(1), (2000, 5))
    once, again = (jax.vmap(lambda v, k: static.observe(v, key=k))(many, jr.split(jr.key(s), 2000)) for s in (0, 1))
    assert np.array_equal(once, again)
    # Of values near p a share p is one, and the five values of an example are drawn apart.
    near = np.asarray(jnp.abs(many - 0.3) < 0.05)
    assert np.asarray(once)[near].mean() == pytest.approx(0.3, abs=0.05)
    assert np.abs(np.corrcoef(np.asarray(once - many).T) - np.eye(5)).max() < 0.08
    assert np.array_equal(Bernoulli().observe(x[:4], key=jr.key(0)), x[:4])


def test_output_bias_makes_the_mean():
    mean = jnp.array([0.0, 0.25, 0.9])
    assert np.asarray(Bernoulli().mean(Bernoulli().bias(mean))) == pytest.approx([0.001, 0.25, 0.9], rel=1e-5)
    assert np.asarray(Gaussian().mean(Gaussian("per-value").bias(mean))) == pytest.approx(np.asarray(mean))


def test_gaussian_learns_its_sigma():
    shape, x = (3,), jnp.array([0.3, -1.0, 2.0])
    one = Gaussian("learned").init(shape, key=jr.key(0))
    outputs = jnp.zeros((1, 3))
    assert float(one.log_prob(outputs, x)) == pytest.approx(stats.norm.logpdf(x).sum(), rel=1e-6)
    assert float(jax.grad(lambda g: g.log_prob(outputs, x))(one).log_sigma) == pytest.approx(
        float((x**2).sum() - 3), rel=1e-5
    )
    each = jnp.stack([jnp.zeros(3), jnp.array([-1.0, 0.5, 2.0])])
    sigma = np.exp(6 * np.tanh(np.asarray(each[1]) / 6))
    assert float(Gaussian("per-value").log_prob(each, x)) == pytest.approx(
        stats.norm.logpdf(x, 0, sigma).sum(), rel=1e-5
    )


def test_missing_values_are_left_out():
    x = jnp.array([0.3, jnp.nan, 1.0])
    logits = jnp.array([[0.2, 5.0, -1.0]])
    seen = float(Bernoulli().log_prob(logits[:, jnp.array([0, 2])], x[jnp.array([0, 2])]))
    assert float(Bernoulli().log_prob_seen(logits, x)) == pytest.approx(seen, rel=1e-6)
    gradient = jax.grad(lambda o: Bernoulli().log_prob_seen(o, x))(logits)
    assert np.isfinite(gradient).all() and float(gradient[0, 1]) == 0


def test_gaussian_posterior_is_scipys_and_samples_have_its_moments():
    q = DiagonalGaussian()
    outputs = jnp.array([0.5, -1.0, 0.2, -1.5])
    mean, log_var = q.moments(outputs)
    z = jnp.array([0.1, 0.3])
    expected = stats.norm.logpdf(z, mean, np.exp(0.5 * np.asarray(log_var))).sum()
    assert float(q.log_prob(outputs, z)) == pytest.approx(expected, rel=1e-5)
    draws = jax.vmap(lambda k: q.sample(outputs, key=k))(jr.split(jr.key(1), 50_000))
    assert draws.mean(axis=0) == pytest.approx(np.asarray(mean), abs=0.02)
    assert draws.var(axis=0) == pytest.approx(np.exp(log_var), rel=0.03)


def test_log_variance_is_bounded_smoothly():
    q = DiagonalGaussian()
    for raw in (-1e9, -5.0, 0.0, 5.0, 1e9):
        log_var = float(q.moments(jnp.array([0.0, raw]))[1][0])
        assert abs(log_var) <= LOG_VARIANCE_BOUND
        if abs(raw) <= 5:
            assert log_var == pytest.approx(raw, rel=0.021)
    assert float(jax.grad(lambda r: q.moments(jnp.array([0.0, r]))[1][0])(0.0)) == pytest.approx(1)


def test_dirac_is_a_point_after_its_activation():
    assert Dirac("relu").sample(jnp.array([-1.0, 2.0]), key=jr.key(0)).tolist() == [0.0, 2.0]
    with pytest.raises(SpecError, match="no density that can be evaluated"):
        Dirac().log_prob(jnp.zeros(2), jnp.zeros(2))


def test_standard_normal_prior():
    z = jnp.array([0.3, -2.0, 1.0])
    assert float(StandardNormal().log_prob(z)) == pytest.approx(stats.norm.logpdf(z).sum(), rel=1e-6)
    draws = np.asarray(jax.vmap(lambda k: StandardNormal().sample(3, key=k))(jr.split(jr.key(0), 5000)))
    assert stats.kstest(draws.ravel(), "norm").pvalue > 0.01
    with pytest.raises(SpecError, match="no prior to sample from"):
        NoPrior().sample(2, key=jr.key(0))


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


def test_the_notebooks_models_have_its_parameter_counts():
    vae = build(VAE(2), (28, 28), key=jr.key(0))
    encoder = 784 * 256 + 256 + 256 * 128 + 128 + 2 * (128 * 2 + 2)
    decoder = 2 * 128 + 128 + 128 * 256 + 256 + 256 * 784 + 784
    assert vae.parameters() == encoder + decoder
    ae = build(AE(), (28, 28), key=jr.key(0))
    assert ae.parameters() == 784 * 256 + 256 + 256 * 32 + 32 + 32 * 256 + 256 + 256 * 784 + 784
    assert float(ae.code(jnp.ones((28, 28))).min()) >= 0


def test_encoder_and_decoder_do_not_share_weights_and_keys_decide():
    a, b, c = (build(VAE(2, hidden=(8,)), (4, 4), key=jr.key(s)) for s in (0, 0, 1))
    assert jax.tree.all(jax.tree.map(lambda x, y: bool((x == y).all()), a.encoder, b.encoder))
    assert not np.array_equal(a.encoder.layers[0].weight, c.encoder.layers[0].weight)
    assert not np.array_equal(a.encoder.layers[0].weight, a.decoder.layers[1].weight.T)


@pytest.mark.parametrize("shape", [(7,), (5, 9), (3, 4, 3)])
def test_any_shape_goes_in_and_comes_out(shape):
    model = build(VAE(3, hidden=()), shape, key=jr.key(0))
    z = model.code(jnp.ones(shape))
    assert z.shape == (3,) and model.mean(z).shape == shape


@pytest.mark.parametrize(
    ("family", "part", "message"),
    [
        (likelihoods, "bernouli", 'unknown likelihood "bernouli"; did you mean "bernoulli"?'),
        (
            likelihoods,
            {"name": "gaussian", "sigm": 1.0},
            'option of likelihood "gaussian" "sigm"; did you mean "sigma"?',
        ),
        (likelihoods, {"name": "gaussian", "sigma": -1.0}, "allowed: a number above 0"),
        (likelihoods, {"name": "gaussian", "sigma": "x"}, "allowed: a number above 0"),
        (posteriors, "gausian", 'did you mean "gaussian"?'),
        (
            posteriors,
            {"name": "dirac", "activation": "rellu"},
            'unknown activation "rellu"; did you mean "relu"?',
        ),
        (priors, "x", "Allowed: "),
        (networks, {"hidden": 3}, 'a table with a "name"'),
    ],
)
def test_wrong_parts_are_named_with_the_nearest(family, part, message):
    with pytest.raises(SpecError) as error:
        family.make(part)
    assert message in str(error.value)


def test_presets_are_specs_and_refuse_what_they_do_not_know():
    assert VAE(8) == ModelSpec(latent_dim=8)
    assert {"VAE", "AE"} <= set(presets)
    with pytest.raises(SpecError, match='unknown key in model "laten_dim"; did you mean "latent_dim"'):
        VAE(laten_dim=3)
    with pytest.raises(SpecError, match=r"latent_dim: got 0; allowed: a whole number of at least 1"):
        VAE(0)
    with pytest.raises(SpecError, match=r"hidden\[1\]: got -3"):
        AE(hidden=(4, -3))
