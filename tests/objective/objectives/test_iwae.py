"""The importance-weighted bound against the linear-Gaussian model, where everything is known; and what it refuses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from lineargaussian import SIGMA, VARIANCE, B, W
from made import batch_of
from scipy import stats
from severalcodes import GAP, LOG_P, SHIFT, WIDER, WRONG, X

from latente.errors import SpecError
from latente.model.build import build
from latente.objective.objectives import objectives
from latente.objective.objectives.dreg import DReG
from latente.objective.objectives.iwae import IWAE
from latente.objective.presets import AE, VAE


@eqx.filter_jit
def _losses(objective, model, keys):
    def one(key):
        return objective(model, batch_of(jnp.asarray(X), jr.split(key, len(X)))).loss

    return jax.vmap(one)(keys)


def losses(objective, draws):
    """The loss of each of `X` for so many draws, shape (draws, 4)."""
    keys = jr.split(jr.key(objective.samples), (draws // 1000, 1000))
    return np.concatenate([np.asarray(_losses(objective, WRONG, k), np.float64) for k in keys])


@pytest.mark.slow
def test_iwae_rises_with_k_from_the_elbo_to_the_exact_evidence():
    last, last_error = None, 0.0
    for k in (1, 4, 64):
        found = -losses(IWAE(k), 4000) - LOG_P
        mean_weight = np.exp(found)
        noise = mean_weight.std() / found.size**0.5
        assert mean_weight.mean() == pytest.approx(1, abs=4 * noise)  # e^bound is unbiased for p(x), for any k
        # As E[mean weight] is 1, it takes most of the noise away.
        calm = found - (mean_weight - 1)
        gap, error = calm.mean(), calm.std() / found.size**0.5
        assert gap < -4 * error, f"IWAE({k}) is not below log p(x): {gap} ± {error}"
        if last is None:
            assert gap == pytest.approx(-GAP, abs=4 * error)
        else:
            assert gap > last + 3 * (error**2 + last_error**2) ** 0.5
        last, last_error = gap, error
    assert GAP > 0.1
    # k (log p − IWAE(k)) tends to half the χ² divergence of the true posterior from q (Domke & Sheldon 2018,
    # theorem 3), here with the integral of p² / q by quadrature, one latent at a time.
    grid = np.linspace(-12, 12, 40_001)
    second = 1.0
    for variance, shift in zip(VARIANCE, SHIFT, strict=True):
        log_p = stats.norm.logpdf(grid, 0, variance**0.5)
        second *= np.trapezoid(np.exp(2 * log_p - stats.norm.logpdf(grid, shift, (WIDER * variance) ** 0.5)), grid)
    assert -64 * last == pytest.approx((second - 1) / 2, rel=0.05)
    assert 64 * last_error < 0.02 * (second - 1) / 2


@eqx.filter_jit
def _drawn(model, keys):
    def one(x, key):
        outputs = model.encode(x)
        mean, log_var = model.posterior.moments(outputs)
        return jax.vmap(lambda key: model.posterior.sample(outputs, key=key))(jr.split(key, 6)), mean, log_var

    return jax.vmap(one)(jnp.asarray(X), keys), IWAE(6)(model, batch_of(jnp.asarray(X), keys))


def test_iwae_is_the_log_of_the_mean_weight_by_scipy():
    (z, mean, log_var), terms = _drawn(WRONG, jr.split(jr.key(3), len(X)))
    z, mean, log_var = (np.asarray(a, np.float64) for a in (z, mean, log_var))
    log_p = stats.norm.logpdf(X[:, None], z @ W + B, SIGMA).sum(axis=2)
    log_q = stats.norm.logpdf(z, mean[:, None], np.exp(log_var / 2)[:, None]).sum(axis=2)
    weight = np.exp(log_p + stats.norm.logpdf(z).sum(axis=2) - log_q)
    assert np.asarray(terms.loss) == pytest.approx(-np.log(weight.mean(axis=1)), rel=1e-5)
    assert np.asarray(terms.reconstruction) == pytest.approx(-log_p.mean(axis=1), rel=1e-5)
    assert np.asarray(terms.kl) == pytest.approx(0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(axis=1), rel=1e-4)


@pytest.mark.parametrize("name", ["iwae", "dreg-iwae", "miwae", "ciwae", "piwae"])
def test_wrong_options_and_models_are_refused_naming_both(name):
    for value in (0, -3, 2.0, True, "5"):
        for option in {"samples", "groups"} & set(objectives.options(name)):
            with pytest.raises(SpecError) as error:
                objectives.make({"name": name, option: value})
            expected = f'objective "{name}": got {option} = {value!r}; allowed: a whole number of at least 1'
            assert str(error.value) == expected
    for spec, side in (
        (AE(objective=name), 'posterior "dirac"'),
        (VAE(prior="none", objective=name), 'prior "none"'),
    ):
        with pytest.raises(SpecError, match=f'objective "{name}" does not go with {side}: '):
            objectives.make(name).check(eqx.filter_eval_shape(build, spec, (4,), key=jr.key(0)))
    objectives.make(name).check(WRONG)


def test_categorical_codes_are_weighed_only_by_a_prior_of_their_kind():
    def having(hard, prior):
        posterior = {"name": "gumbel-softmax", "classes": 3, "hard": hard}
        return eqx.filter_eval_shape(
            build, VAE(2, posterior=posterior, prior={"name": prior, "classes": 3}), (4,), key=jr.key(0)
        )

    with pytest.raises(SpecError, match='"iwae" does not go with prior "uniform-categorical": soft codes'):
        IWAE().check(having(False, "uniform-categorical"))
    with pytest.raises(SpecError, match='"uniform-concrete" does not go with posterior "gumbel-softmax": it is a dens'):
        having(True, "uniform-concrete")
    with pytest.raises(SpecError, match='"dreg-iwae" does not go with posterior "gumbel-softmax": one-hot codes'):
        DReG().check(having(True, "uniform-categorical"))
    IWAE().check(having(True, "uniform-categorical"))
    DReG().check(having(False, "uniform-concrete"))
