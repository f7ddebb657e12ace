"""β-TC's parts against the aggregate posterior by brute force, all batches enumerated, and the closed KL."""

from itertools import combinations

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from latente.model.build import build
from latente.objective.divergences import kl
from latente.objective.objectives.beta_tc import BetaTC, decompose, log_importance
from latente.spec import ModelSpec


@eqx.filter_jit
def parts_of(model, batch, examples):
    outputs = jax.vmap(model.encode)(batch.x)
    z = jax.vmap(lambda o, k: model.posterior.sample(o, key=k))(outputs, batch.keys)
    return outputs, z, decompose(model, outputs, z, batch.weight, examples)


def brute_force(model, outputs, z):
    """The three parts by scipy in double precision, the aggregate posterior being the mixture of all."""
    mean, log_var = (np.asarray(a, np.float64) for a in jax.vmap(model.posterior.moments)(outputs))
    sd, z, n = np.exp(0.5 * log_var), np.asarray(z, np.float64), len(mean)
    by_latent = np.stack([norm.logpdf(z[i], mean, sd) for i in range(n)])  # code, example, latent
    own = np.array([by_latent[i, i].sum() for i in range(n)])
    log_q = logsumexp(by_latent.sum(axis=2), axis=1) - np.log(n)
    product = (logsumexp(by_latent, axis=1) - np.log(n)).sum(axis=1)
    log_p = norm.logpdf(z).sum(axis=1)
    return own - log_q, log_q - product, product - log_p


@pytest.mark.slow
def test_on_a_full_batch_the_parts_are_those_of_the_exact_aggregate_posterior(make):
    model = make.model()
    batch = make.batch(model, n=7)
    batch = make.filling(batch)
    outputs, z, parts = parts_of(model, batch, 7)
    expected = brute_force(model, outputs[:7], z[:7])
    for found, exact in zip(
        (parts.mutual_information, parts.total_correlation, parts.marginal_kl), expected, strict=True
    ):
        assert np.asarray(found)[:7] == pytest.approx(exact, abs=2e-5)
        assert np.abs(exact).max() > 0.05


@pytest.mark.slow
def test_the_parts_add_up_to_the_closed_kl_on_average(make):
    model = make.model()
    batch = make.batch(model, n=6)
    outputs = jax.vmap(model.encode)(batch.x)

    @jax.jit
    def sums(key):
        z, log_q = jax.vmap(lambda o, k: model.posterior.draw(o, key=k))(outputs, jr.split(key, 6))
        p = decompose(model, outputs, z, jnp.ones(6), 50)
        total = p.mutual_information + p.total_correlation + p.marginal_kl
        return total, log_q - jax.vmap(model.prior.log_prob)(z)

    total, ratio = jax.lax.map(sums, jr.split(jr.key(3), 20_000))
    assert np.abs(np.asarray(total - ratio)).max() < 1e-4
    exact = np.asarray(jax.vmap(lambda o: kl(model.posterior, model.prior, o))(outputs))
    error = np.asarray(total).std(axis=0) / 20_000**0.5
    assert (np.abs(np.asarray(total).mean(axis=0) - exact) < 4.5 * error).all()
    assert (exact > 10 * error).all()


@pytest.mark.parametrize("size", [2, 3, 5])
def test_over_all_batches_with_the_example_the_estimate_of_q_is_exact(size):
    """Minibatch stratified sampling is unbiased: the mean over every batch that holds example 0."""
    densities = np.array([0.9, 0.1, 0.4, 0.25, 1.7, 0.05])
    n = len(densities)
    w = np.exp(np.asarray(log_importance(jnp.ones(size), n)))
    assert w.sum(axis=1) == pytest.approx(np.ones(size), rel=1e-6)
    found = [w[0] @ densities[[0, *others]] for others in combinations(range(1, n), size - 1)]
    assert np.mean(found) == pytest.approx(densities.mean(), rel=1e-6)
    assert np.std(found) > 0.01


def test_weights_leave_filling_out_and_an_example_alone_stands_for_all():
    w = np.exp(np.asarray(log_importance(jnp.array([1.0, 1, 1, 0, 0]), 10)))
    assert w[:3, 3:].tolist() == [[0, 0]] * 3
    assert w[:3].sum(axis=1) == pytest.approx(np.ones(3), rel=1e-6)
    assert np.diagonal(w)[:3] == pytest.approx(0.1)
    assert np.exp(np.asarray(log_importance(jnp.array([1.0, 0]), 10)))[0].tolist() == [1, 0]


@pytest.mark.slow
def test_each_weight_is_felt_by_just_its_part_and_filling_changes_nothing(make):
    model = make.model(objective="beta-tc")
    batch = make.batch(model, n=6, examples=40)
    base = make.terms(BetaTC(1, 1, 1), model, make.filling(batch))
    for i, name in enumerate(("mutual_information", "total_correlation", "marginal_kl")):
        weights = [1.0, 1.0, 1.0]
        weights[i] = 3.0
        slope = np.asarray(make.terms(BetaTC(*weights), model, batch).loss - base.loss[:6]) / 2
        assert slope == pytest.approx(np.asarray(base.penalties[name])[:6], abs=1e-4)
        assert np.abs(slope.mean()) > 1e-3


@pytest.mark.slow
def test_gradients_are_finite_beside_filling(make):
    model = build(ModelSpec(latent_dim=2, hidden=(), objective="beta-tc"), (3,), key=jr.key(0))
    batch = make.filling(make.batch(model, n=1, examples=20))
    slopes = eqx.filter_jit(eqx.filter_grad(lambda m: jnp.sum(BetaTC()(m, batch).loss * batch.weight)))(model)
    assert all(np.isfinite(a).all() for a in jax.tree.leaves(slopes))
