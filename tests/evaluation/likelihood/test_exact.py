"""log p(x) in closed form against scipy's multivariate normal, with missing values, a context and summed labels."""

from dataclasses import replace

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.errors import SpecError
from latente.evaluation.likelihood.exact import exact_nll
from latente.model.build import build
from latente.objective.presets import VAE
from latente.training.examples import Examples, Scale

ONE = Scale(jnp.ones(()), jnp.zeros(()), False)


@pytest.mark.slow
def test_the_exact_nll_with_missing_values_a_context_and_a_learnt_sigma():
    spec = VAE(2, hidden=(), likelihood={"name": "gaussian", "sigma": "learned"})
    model = build(replace(spec, missing=True, condition="columns"), (4,), key=jr.key(3), context=2)
    model = eqx.tree_at(lambda m: m.likelihood.log_sigma, model, jnp.float32(-0.4))
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    x[1, [0, 2]] = np.nan
    context = np.random.default_rng(1).normal(size=(3, 2)).astype(np.float32)
    w, b = (np.asarray(a) for a in (model.decoder.layers[0].weight, model.decoder.layers[0].bias))
    covariance = w[:2].T @ w[:2] + np.exp(-12 * np.tanh(0.4 / 6)) * np.eye(4)
    means = b + context @ w[2:]
    seen = [[0, 1, 2, 3], [1, 3], [0, 1, 2, 3]]
    each = [
        stats.multivariate_normal(m[s], covariance[np.ix_(s, s)]).logpdf(row[s])
        for m, s, row in zip(means, seen, x, strict=True)
    ]
    found = exact_nll(model, ONE, Examples(jnp.asarray(x), jnp.asarray(context)))
    assert found == pytest.approx(-np.array(each), abs=1e-5)
    with pytest.raises(SpecError, match="takes an affine decoder"):
        exact_nll(
            build(VAE(2, hidden=(3,), likelihood="gaussian"), (4,), key=jr.key(0)), ONE, Examples(jnp.zeros((1, 4)))
        )
    with pytest.raises(SpecError, match="takes a gaussian likelihood"):
        exact_nll(build(VAE(2, hidden=()), (4,), key=jr.key(0)), ONE, Examples(jnp.zeros((1, 4))))
