"""The parts of the ELBO against Gaussians whose parts are known, integrals on a grid, and the objective's own."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.errors import SpecError
from latente.evaluation.likelihood.decomposition import LIVE, _blocks, _pairs, decompose
from latente.model.build import build
from latente.objective.objectives import beta_tc
from latente.objective.presets import AE, VAE, preset
from latente.training.examples import Examples, Scale

ONE = Scale(jnp.ones(()), jnp.zeros(()), False)
SPEC = VAE(2, hidden=(), likelihood="gaussian")


def with_posterior(gain, variance, spec=SPEC, inputs=2):
    """A model whose posterior at x is N(x gain, diag(variance))."""
    model = build(spec, (inputs,), key=jr.key(0))
    d = len(variance)
    weight = jnp.concatenate([jnp.asarray(gain, jnp.float32), jnp.zeros((inputs, d))], axis=1)
    bias = jnp.concatenate([jnp.zeros(d), 20 * jnp.arctanh(jnp.log(jnp.asarray(variance, jnp.float32)) / 20)])
    return eqx.tree_at(lambda m: (m.encoder.layers[0].weight, m.encoder.layers[0].bias), model, (weight, bias))


@pytest.mark.slow
def test_gaussian_codes_of_gaussian_data_have_the_parts_that_theory_gives():
    variance, gain = np.array([0.5, 0.3]), np.array([[0.8, 0.5], [0.0, 0.6]])
    n = 4096
    # Quasi-random normal data, so that the empirical aggregate posterior is near the population's.
    x = stats.norm.ppf(stats.qmc.Sobol(2, seed=0).random(n)).astype(np.float32)
    found = decompose(with_posterior(gain, variance), ONE, Examples(jnp.asarray(x)), samples=2)
    covariance = gain.T @ gain + np.diag(variance)  # of the aggregate posterior, N(0, covariance)
    information = 0.5 * np.log(np.linalg.det(covariance) / variance.prod())
    correlation = 0.5 * np.log(np.diag(covariance).prod() / np.linalg.det(covariance))
    by_latent = 0.5 * (np.diag(covariance) - 1 - np.log(np.diag(covariance)))
    alone = 0.5 * np.log(np.diag(covariance) / variance)
    rate = 0.5 * (np.trace(covariance) - 2 - np.log(variance).sum())

    def error(values):
        return 4 * values.std(axis=0) / np.sqrt(n) + 0.003

    assert abs(found.mutual_information.mean() - information) < error(found.mutual_information)
    assert abs(found.total_correlation.mean() - correlation) < error(found.total_correlation)
    assert (abs(found.dimension_kl.mean(axis=0) - by_latent) < error(found.dimension_kl)).all()
    assert (abs(found.information.mean(axis=0) - alone) < error(found.information)).all()
    assert information > 0.7 and correlation > 0.05
    # The parts add up to the rate, in closed form and in theory.
    parts = found.mutual_information + found.total_correlation + found.dimension_kl.sum(axis=1)
    assert abs((parts - found.rate).mean()) < 4 * (parts - found.rate).std() / np.sqrt(n)
    assert found.rate.mean() == pytest.approx(rate, abs=0.01)
    assert parts == pytest.approx(found.mutual_information + found.aggregate_kl, abs=1e-4)


@pytest.mark.slow
def test_a_small_mixture_is_what_integrals_on_a_grid_say():
    gain, variance = np.array([[1.0, 0.3], [-0.5, 1.0]]), np.array([0.4, 0.15])
    x = np.array([[0.0, 0.0], [1.2, -0.4], [-0.7, 1.5]], np.float32)
    found = decompose(with_posterior(gain, variance), ONE, Examples(jnp.asarray(x)), samples=4000)
    axis = np.linspace(-6, 6, 601)
    cell = (axis[1] - axis[0]) ** 2
    each = [[stats.norm(m, s).pdf(axis) for m, s in zip(mean, np.sqrt(variance), strict=True)] for mean in x @ gain]
    joint = np.array([np.outer(a, b) for a, b in each])
    q = joint.mean(axis=0)
    first, second = (np.mean([e[j] for e in each], axis=0) for j in (0, 1))
    log = lambda a: np.log(np.maximum(a, 1e-300))  # noqa: E731
    information = (joint * (log(joint) - log(q))).sum(axis=(1, 2)).mean() * cell
    correlation = (q * (log(q) - log(np.outer(first, second)))).sum() * cell
    aggregate = (q * (log(q) - log(np.outer(stats.norm.pdf(axis), stats.norm.pdf(axis))))).sum() * cell
    assert found.mutual_information.mean() == pytest.approx(information, abs=0.01)
    assert found.total_correlation.mean() == pytest.approx(correlation, abs=0.02)
    assert found.aggregate_kl.mean() == pytest.approx(aggregate, abs=0.03)
    assert 0.8 < information < found.ceiling == pytest.approx(np.log(3)) and correlation > 0.05
    assert (found.information.mean(axis=0) < information).all()


@pytest.mark.slow
def test_blocks_give_what_the_objective_gives_for_the_whole_set_at_once():
    model = build(VAE(3, hidden=(5,), likelihood="gaussian"), (4,), key=jr.key(1))
    outputs = jr.normal(jr.key(2), (97, 6))
    z = jax.vmap(lambda o, k: model.posterior.sample(o, key=k))(outputs, jr.split(jr.key(3), 97))
    parts = beta_tc.decompose(model, outputs, z, jnp.ones(97), 97)
    own, mixed, own_latents, marginals = _pairs(model.posterior, z, outputs, outputs, 10)
    assert np.asarray(own - mixed) == pytest.approx(np.asarray(parts.mutual_information), abs=1e-4)
    assert np.asarray(mixed - marginals.sum(axis=1)) == pytest.approx(np.asarray(parts.total_correlation), abs=1e-4)
    assert np.asarray(own_latents.sum(axis=1)) == pytest.approx(np.asarray(own), abs=1e-4)


@pytest.mark.slow
def test_codes_that_tell_all_examples_apart_are_at_the_ceiling():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32))
    found = decompose(with_posterior(1e4 * np.eye(2), np.ones(2)), ONE, Examples(x))
    assert found.mutual_information == pytest.approx(np.full(50, np.log(50)), abs=1e-3)
    assert "the log of the 50 examples (3.91 nats)" in found.warnings()[0]
    nothing = decompose(with_posterior(np.zeros((2, 2)), np.ones(2)), ONE, Examples(x))
    assert nothing.warnings() == () and abs(nothing.mutual_information).max() < 1e-5
    assert abs(nothing.aggregate_kl).max() < 1e-5 and abs(nothing.rate).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("prior", [{"name": "gaussian-mixture", "components": 3}, {"name": "vamp", "pseudo_inputs": 4}])
def test_with_a_prior_of_dependent_latents_there_is_no_kl_by_dimension(prior):
    spec = VAE(2, hidden=(), likelihood="gaussian", prior=prior)
    model = with_posterior(np.array([[1.0, 0.2], [0.0, 1.0]]), np.array([0.5, 0.5]), spec)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32))
    found = decompose(model, ONE, Examples(x), samples=2)
    assert found.dimension_kl is None and found.total_correlation is not None
    # The rate is an estimate there, of the same draws: the parts add up to it exactly.
    assert found.mutual_information + found.aggregate_kl == pytest.approx(found.rate, abs=1e-4)


@pytest.mark.slow
def test_a_posterior_of_dependent_latents_has_two_parts():
    model = build(VAE(2, hidden=(), likelihood="gaussian", posterior="full-gaussian"), (2,), key=jr.key(0))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32))
    found = decompose(model, ONE, Examples(x), samples=20)
    assert found.total_correlation is found.information is found.dimension_kl is None
    difference = found.mutual_information + found.aggregate_kl - found.rate
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(300) and found.mutual_information.mean() > 0.3


@pytest.mark.slow
def test_a_step_takes_no_more_memory_than_it_may():
    model = build(VAE(8, hidden=(), likelihood="gaussian"), (2,), key=jr.key(0))
    outputs, codes, memory = jnp.zeros((5000, 16)), np.zeros((1, 5000, 8), np.float32), 2**20
    rows, columns = _blocks(model.posterior, outputs, codes, memory)
    step = _pairs.lower(model.posterior, jnp.zeros((rows, 8)), outputs[:rows], outputs, columns).compile()
    assert 0 < step.compiled.memory_analysis().temp_size_in_bytes < memory and rows * columns > memory / LIVE / 33


@pytest.mark.slow
def test_what_has_no_parts_is_refused():
    x = Examples(jnp.zeros((3, 4)))
    with pytest.raises(SpecError, match=r'not split: it needs a density of codes, and posterior "dirac"'):
        decompose(build(AE(2, hidden=()), (4,), key=jr.key(0)), ONE, x)
    with pytest.raises(SpecError, match=r"knows it at its own draws only"):
        decompose(build(VAE(2, hidden=(), posterior="flow"), (4,), key=jr.key(0)), ONE, x)
    with pytest.raises(SpecError, match=r"a label beside its code"):
        decompose(build(preset("M2", 2, hidden=()), (4,), key=jr.key(0), context=3, classes=3), ONE, x)
