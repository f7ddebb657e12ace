"""Priors as tables: the mixtures have the density of the priors that they stand for."""

import jax
import numpy as np
import pytest
from exported import made
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from latente.errors import SpecError
from latente.export.prior_table import prior_table


def log_density(arrays, z):
    weights, means, factors = (np.float64(arrays[f"prior.{k}"]) for k in ("weights", "means", "factors"))
    assert np.isclose(weights.sum(), 1, atol=1e-6)
    factors = np.stack([np.diag(f) for f in factors]) if factors.ndim == 2 else factors
    found = [multivariate_normal(m, f @ f.T).logpdf(z) for m, f in zip(means, factors, strict=True)]
    return logsumexp(np.log(weights)[:, None] + found, axis=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"prior": {"name": "gaussian-mixture", "components": 3}},
        {"prior": {"name": "gaussian-mixture", "components": 3, "covariance": "full"}},
        {"prior": {"name": "vamp", "pseudo_inputs": 4}},
        {"prior": {"name": "vamp", "pseudo_inputs": 4}, "posterior": "full-gaussian"},
    ],
)
def test_a_mixture_has_the_priors_density(options):
    model = made(options)[0].model
    table, arrays = prior_table(model)
    assert table == {"kind": "mixture"}
    z = 2 * np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    ours = jax.vmap(model.prior.given(model).log_prob)(z)
    np.testing.assert_allclose(log_density(arrays, z), ours, rtol=1e-4)


@pytest.mark.slow
def test_a_kernel_density_is_a_mixture_too():
    run = made({})[0].with_prior("kde")
    _, arrays = prior_table(run.generator)
    z = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    np.testing.assert_allclose(log_density(arrays, z), jax.vmap(run.fitted.log_prob)(z), rtol=1e-4, atol=1e-4)


def test_what_has_no_table_is_refused_with_what_to_do():
    assert prior_table(made({})[0].model) == ({"kind": "normal"}, {})
    with pytest.raises(SpecError, match="the prior RealNVP.* cannot be drawn from outside latente; fit a mixture"):
        prior_table(made({"prior": "realnvp"})[0].model)
