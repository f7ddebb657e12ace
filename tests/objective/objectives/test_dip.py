"""DIP-VAE's covariances against NumPy's and against the codes themselves."""

import jax
import jax.random as jr
import numpy as np
import pytest

from latente.objective.objectives.dip import DIPVAE, covariances
from latente.objective.objectives.elbo import ELBO


def moments(model, x):
    return (np.asarray(a, np.float64) for a in jax.vmap(lambda v: model.posterior.moments(model.encode(v)))(x))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["i", "ii"])
def test_the_penalties_are_numpys_covariances_and_filling_counts_for_nothing(make, kind):
    model = make.model()
    batch = make.batch(model, n=9)
    mean, log_var = moments(model, batch.x)
    c = np.cov(mean.T, bias=True)
    if kind == "ii":
        c = c + np.diag(np.exp(log_var).mean(axis=0))
    off, on = (c**2).sum() - (np.diag(c) ** 2).sum(), ((np.diag(c) - 1) ** 2).sum()
    assert min(off, on) > 1e-3
    for b in (batch, make.filling(batch)):
        terms = make.terms(DIPVAE(kind, 3.0, 5.0), model, b)
        assert np.asarray(terms.penalties["off_diagonal"]) == pytest.approx(off, rel=1e-4)
        assert np.asarray(terms.penalties["diagonal"]) == pytest.approx(on, rel=1e-4)
        elbo = make.terms(ELBO(), model, b).loss
        assert np.asarray(terms.loss - elbo) == pytest.approx(3 * off + 5 * on, rel=1e-3)


@pytest.mark.slow
def test_their_sum_is_the_covariance_of_the_codes_drawn(make):
    model = make.model()
    batch = make.batch(model, n=5)
    outputs = jax.vmap(model.encode)(batch.x)
    across, within = covariances(model.posterior, outputs, batch.weight)
    draw = jax.jit(jax.vmap(lambda k: jax.vmap(lambda o, k: model.posterior.sample(o, key=k))(outputs, jr.split(k, 5))))
    z = np.asarray(draw(jr.split(jr.key(5), 40_000)), np.float64).reshape(-1, 3)
    assert np.cov(z.T) == pytest.approx(np.asarray(across + within), abs=0.03)
    assert np.abs(np.asarray(across)).max() > 0.1


@pytest.mark.slow
def test_the_two_kinds_differ_by_the_posteriors_own_variance(make):
    model = make.model()
    batch = make.batch(model)
    i, ii = (make.terms(DIPVAE(kind), model, batch).penalties["diagonal"][0] for kind in ("i", "ii"))
    assert abs(float(i - ii)) > 0.1
