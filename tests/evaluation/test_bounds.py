"""The importance-weighted bound against the exact evidence of the linear-Gaussian model."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.errors import SpecError
from latente.evaluation.bounds import nll
from latente.model.autoencoder import build
from latente.objective.presets import AE, VAE
from latente.training.examples import Examples, Scale

ONE = Scale(jnp.ones(()), jnp.zeros(()), False)


def linear_gaussian(sigma=0.7):
    model = build(VAE(2, hidden=(), likelihood={"name": "gaussian", "sigma": sigma}), (4,), key=jr.key(0))
    w = jnp.array([[1.0, 0.0, 0.5, 0.0], [0.0, -2.0, 0.0, 0.3]])
    b = jnp.array([0.1, -0.2, 0.3, 0.0])
    # The encoder says N(0, I) whatever x, so that the draws reach everywhere the true posterior does.
    silent = jnp.zeros_like(model.encoder.layers[0].weight)
    where = lambda m: (m.decoder.layers[0].weight, m.decoder.layers[0].bias, m.encoder.layers[0].weight)  # noqa: E731
    model = eqx.tree_at(where, model, (w, b, silent))
    return model, stats.multivariate_normal(np.asarray(b), np.asarray(w.T @ w) + sigma**2 * np.eye(4))


def test_the_bound_falls_to_the_exact_nll_with_k_and_its_effective_size_is_sane():
    model, evidence = linear_gaussian()
    x = evidence.rvs(size=150, random_state=0).astype(np.float32)
    exact = -evidence.logpdf(x)
    means = []
    for k in (1, 10, 5000):
        bound = nll(model, ONE, Examples(jnp.asarray(x)), samples=k)
        assert bound.values.shape == (150,) and (bound.effective >= 0.999).all() and (bound.effective <= k + 0.5).all()
        means.append(bound.mean)
    assert means[0] > means[1] > means[2] > exact.mean() - 0.02
    assert means[2] == pytest.approx(exact.mean(), abs=0.03)
    assert means[0] > means[2] + 0.5
    # The first hundred are the same whatever follows them, and whatever the memory.
    few = nll(model, ONE, Examples(jnp.asarray(x[:100])), samples=10, memory=16 * 400 * 3)
    assert few.values == pytest.approx(nll(model, ONE, Examples(jnp.asarray(x)), samples=10).values[:100], abs=0.9)


def test_the_same_again_to_the_bit_and_the_uneven_end_is_no_filling():
    model, evidence = linear_gaussian()
    x = jnp.asarray(evidence.rvs(size=130, random_state=1).astype(np.float32))
    one, two = (nll(model, ONE, Examples(x), samples=7) for _ in range(2))
    assert np.array_equal(one.values, two.values)
    shifted = nll(model, ONE, Examples(jnp.concatenate([x, x + 5])), samples=7)
    assert np.array_equal(shifted.values[:130], one.values)


def test_a_perfect_posterior_has_a_full_effective_size():
    model, evidence = linear_gaussian()
    w = np.asarray(model.decoder.layers[0].weight)
    variance = 1 / (1 + (w**2).sum(axis=1) / 0.49)
    gain = (w * variance[:, None] / 0.49).T
    weight = jnp.concatenate([jnp.asarray(gain), jnp.zeros((4, 2))], axis=1)
    bias = jnp.concatenate(
        [-model.decoder.layers[0].bias @ gain, 20 * jnp.arctanh(jnp.log(jnp.asarray(variance)) / 20)]
    )
    model = eqx.tree_at(lambda m: (m.encoder.layers[0].weight, m.encoder.layers[0].bias), model, (weight, bias))
    x = evidence.rvs(size=20, random_state=2).astype(np.float32)
    bound = nll(model, ONE, Examples(jnp.asarray(x)), samples=50)
    assert bound.values == pytest.approx(-evidence.logpdf(x), abs=1e-4)
    assert bound.effective == pytest.approx(np.full(20, 50.0), rel=1e-3)
    assert not bound.loose


def test_what_has_no_bound_is_refused():
    x = Examples(jnp.zeros((3, 4)))
    with pytest.raises(SpecError, match=r'posterior "dirac" with prior "none" has none'):
        nll(build(AE(2, hidden=()), (4,), key=jr.key(0)), ONE, x)
    with pytest.raises(SpecError, match="samples: got 0"):
        nll(linear_gaussian()[0], ONE, x, samples=0)
