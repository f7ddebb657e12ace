"""Objectives against closed forms, Monte Carlo, finite differences and the linear-Gaussian model's exact evidence."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from lineargaussian import EVIDENCE, linear_gaussian, with_encoder
from made import batch_of
from scipy import stats

from latente.errors import SpecError
from latente.model.build import build
from latente.model.posteriors.dirac import Dirac
from latente.model.posteriors.gaussian import DiagonalGaussian
from latente.model.priors.normal import StandardNormal
from latente.objective.divergences import kl
from latente.objective.objectives import objectives
from latente.objective.objectives.elbo import ELBO
from latente.objective.objectives.reconstruction import Reconstruction
from latente.objective.presets import AE, VAE


@pytest.mark.slow
def test_kl_is_the_monte_carlo_one():
    q, p = DiagonalGaussian(), StandardNormal()
    outputs = jnp.array([0.8, -0.4, 0.5, -1.3])
    z = jax.vmap(lambda k: q.sample(outputs, key=k))(jr.split(jr.key(0), 200_000))
    ratio = jax.vmap(lambda z: q.log_prob(outputs, z) - p.log_prob(z))(z)
    assert float(kl(q, p, outputs)) == pytest.approx(float(ratio.mean()), abs=4 * float(ratio.std()) / 200_000**0.5)


def test_kl_is_the_textbook_one_and_zero_at_the_prior():
    q, p = DiagonalGaussian(), StandardNormal()
    assert float(kl(q, p, jnp.zeros(6))) == 0
    mean, var = 1.5, 0.25
    # By numerical integration, with scipy's densities.
    grid = np.linspace(-8, 8, 20_001)
    density = stats.norm.pdf(grid, mean, var**0.5)
    integral = np.trapezoid(density * (stats.norm.logpdf(grid, mean, var**0.5) - stats.norm.logpdf(grid)), grid)
    raw = 20 * np.arctanh(np.log(var) / 20)
    assert float(kl(q, p, jnp.array([mean, raw]))) == pytest.approx(integral, rel=1e-5)


def test_kl_names_a_pair_without_a_closed_form():
    with pytest.raises(SpecError, match="no closed KL is known between Dirac and StandardNormal"):
        kl(Dirac(), StandardNormal(), jnp.zeros(2))


@pytest.mark.slow
def test_elbo_is_the_exact_evidence_at_the_true_posterior_and_below_it_elsewhere():
    exact = linear_gaussian()
    rng = np.random.default_rng(1)
    model = with_encoder(exact, rng.uniform(-1, 1, size=(4, 4)), np.zeros(4))
    x = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    log_p = EVIDENCE.logpdf(x)

    def elbo(m):
        draws = jax.vmap(lambda k: -ELBO()(m, batch_of(jnp.array(x), jr.split(k, len(x)))).loss)(
            jr.split(jr.key(1), 2000)
        )
        return np.asarray(draws.mean(axis=0)), np.asarray(draws.std(axis=0)) / 2000**0.5

    tight, error = elbo(exact)
    assert (np.abs(tight - log_p) < 5 * error + 1e-4).all()
    loose, error = elbo(model)
    assert (loose < log_p + 5 * error).all()
    assert loose.mean() < log_p.mean() - 0.1
    # The gap is KL(q ‖ true posterior), known in closed form for diagonal Gaussians.
    (m0, v0), (m1, v1) = (
        jax.vmap(lambda v, m=m: m.posterior.moments(m.encode(v)))(jnp.array(x)) for m in (model, exact)
    )
    gap = 0.5 * (jnp.exp(v0 - v1) + (m0 - m1) ** 2 * jnp.exp(-v1) - 1 - v0 + v1).sum(axis=1)
    assert (np.abs(log_p - loose - np.asarray(gap)) < 5 * error + 1e-3).all()


@pytest.mark.slow
def test_elbo_adds_its_parts_and_beta_weighs_the_kl():
    model = build(VAE(3, hidden=(8,)), (4, 4), key=jr.key(0))
    x = jr.uniform(jr.key(1), (10, 4, 4))
    for beta in (0.0, 1.0, 4.0):
        terms = ELBO(beta)(model, batch_of(x, jr.split(jr.key(2), len(x))))
        assert np.asarray(terms.loss) == pytest.approx(np.asarray(terms.reconstruction + beta * terms.kl), rel=1e-6)
        assert (terms.kl >= 0).all()
    low, high = (ELBO(b)(model, batch_of(x, jr.split(jr.key(2), len(x)))).loss.mean() for b in (1.0, 2.0))
    slope = high - low
    assert float(slope) == pytest.approx(float(terms.kl.mean()), rel=1e-5)
    assert float(slope) > 0.01


@pytest.mark.slow
def test_reconstruction_is_minus_log_p_without_a_rate():
    model = build(AE(2, hidden=(5,)), (3, 2), key=jr.key(0))
    x = jr.uniform(jr.key(1), (4, 3, 2))
    terms = Reconstruction()(model, batch_of(x, jr.split(jr.key(2), len(x))))
    by_hand = [-float(model.likelihood.log_prob(model.decode(model.code(v)), v)) for v in x]
    assert np.asarray(terms.loss) == pytest.approx(by_hand, rel=1e-6)
    assert np.asarray(terms.kl).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("spec", "both"),
    [
        (VAE(posterior="dirac"), ['objective "elbo"', 'posterior "dirac"']),
        (VAE(prior="none"), ['objective "elbo"', 'prior "none"']),
        (AE(posterior="gaussian"), ['objective "reconstruction"', 'posterior "gaussian"']),
        (AE(prior="standard-normal"), ['objective "reconstruction"', 'prior "standard-normal"']),
    ],
)
def test_pairings_without_meaning_are_refused_naming_both_sides(spec, both):
    model = build(spec, (4, 4), key=jr.key(0))
    with pytest.raises(SpecError) as error:
        objectives.make(spec.objective).check(model)
    assert all(side in str(error.value) for side in both)


@pytest.mark.slow
@pytest.mark.parametrize("beta", [-1, float("nan"), "1", True])
def test_beta_is_checked(beta):
    with pytest.raises(SpecError, match="allowed: a number of at least 0|unknown schedule"):
        objectives.make({"name": "elbo", "beta": beta})
