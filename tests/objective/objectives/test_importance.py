"""Importance-weighted bounds and their gradients against the linear-Gaussian model, where everything is known."""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from lineargaussian import EVIDENCE, SIGMA, VARIANCE, B, W, linear_gaussian
from made import batch_of
from scipy import stats

from latente.errors import SpecError
from latente.model.build import build
from latente.model.posteriors.gaussian import DiagonalGaussian
from latente.objective.objectives import objectives
from latente.objective.objectives.dreg import DReG
from latente.objective.objectives.elbo import ELBO
from latente.objective.objectives.iwae import IWAE
from latente.objective.objectives.multi import CIWAE, MIWAE, PIWAE
from latente.objective.presets import AE, VAE

SHIFT, WIDER = np.array([0.15, -0.1]), 1.8
"""How the wrong encoder's means and variances are off."""
X = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
LOG_P = EVIDENCE.logpdf(X)
WRONG, EXACT = linear_gaussian(SHIFT, WIDER), linear_gaussian()
GAP = 0.5 * (2 * WIDER + (SHIFT**2 / VARIANCE).sum() - 2 - 2 * np.log(WIDER))
"""KL(q ‖ true posterior) of the wrong encoder, the same for every example."""


@eqx.filter_jit
def _losses(objective, model, keys):
    def one(key):
        return objective(model, batch_of(jnp.asarray(X), jr.split(key, len(X)))).loss

    return jax.vmap(one)(keys)


def losses(objective, draws):
    """The loss of each of `X` for so many draws, shape (draws, 4)."""
    keys = jr.split(jr.key(objective.samples), (draws // 1000, 1000))
    return np.concatenate([np.asarray(_losses(objective, WRONG, k), np.float64) for k in keys])


SIX = {
    "iwae": IWAE(6),
    "dreg-iwae": DReG(6),
    "miwae 1×6": MIWAE(1, 6),
    "miwae 3×2": MIWAE(3, 2),
    "miwae 6×1": MIWAE(6, 1),
    "piwae 3×2": PIWAE(3, 2),
    "ciwae 0": CIWAE(6, beta=0.0),
    "ciwae 0.25": CIWAE(6, beta=0.25),
    "ciwae 1": CIWAE(6, beta=1.0),
}
"""Objectives of six codes: given the same keys they draw the same ones, so that one program compares them all."""


@eqx.filter_jit
def _six(model, keys):
    def one(key):
        batch = batch_of(jnp.asarray(X), jr.split(key, len(X)))
        found = {}
        for name, objective in SIX.items():

            def loss(m, objective=objective):
                loss = objective(m, batch).loss
                return loss.mean(), loss

            grads, each = eqx.filter_grad(loss, has_aux=True)(model)
            flat = [jnp.concatenate([jnp.ravel(a) for a in jax.tree.leaves(g)]) for g in (grads.encoder, grads.decoder)]
            found[name] = (each, *flat)
        return found

    return jax.vmap(one)(keys)


@cache
def six(exact=False):
    """For each of `SIX` and 1,000 draws: losses, encoder gradients, decoder gradients; (1000, numbers) each."""
    found = _six(EXACT if exact else WRONG, jr.split(jr.key(0), 1000))
    return {name: tuple(np.asarray(a, np.float64) for a in arrays) for name, arrays in found.items()}


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


@pytest.mark.slow
def test_at_the_true_posterior_every_draw_is_the_exact_evidence():
    for name, (loss, encoder, _) in six(exact=True).items():
        if name not in ("ciwae 0.25", "ciwae 1"):  # their ELBO has its KL in closed form, and so varies
            assert loss == pytest.approx(np.tile(-LOG_P, (1000, 1)), abs=2e-5), name
        if name == "dreg-iwae":
            assert np.abs(encoder).max() < 1e-4
        else:
            assert np.abs(encoder).max() > 0.05, name


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


def test_dregs_loss_is_the_bound_and_its_gradient_has_the_mean_of_iwaes_with_less_noise():
    (loss, encoder, decoder), (loss2, encoder2, decoder2) = six()["iwae"], six()["dreg-iwae"]
    assert loss2 == pytest.approx(loss, abs=1e-6)
    assert decoder2 == pytest.approx(decoder, abs=1e-5)
    difference = encoder2 - encoder
    assert (np.abs(difference.mean(axis=0)) < 4 * difference.std(axis=0) / 1000**0.5).all()
    # That it is not zero: the encoder is off, and its gradient says so.
    assert (np.abs(encoder2.mean(axis=0)) > 8 * encoder2.std(axis=0) / 1000**0.5).mean() > 0.3
    assert encoder2.var(axis=0).sum() < 0.5 * encoder.var(axis=0).sum()


@eqx.filter_jit
def _dreg_by_hand(model, x, key):
    """The paper's sum for one example, over the encoder's last bias, and what `DReG` gives."""

    def log_weight(z, outputs):
        return model.log_prob(z, x) + model.prior.log_prob(z) - model.posterior.log_prob(outputs, z)

    def codes(bias):
        moved = eqx.tree_at(lambda m: m.encoder.layers[0].bias, model, bias)
        return jax.vmap(lambda key: model.posterior.sample(moved.encode(x), key=key))(jr.split(key, 6))

    bias, outputs = model.encoder.layers[0].bias, model.encode(x)
    z = codes(bias)
    share = jax.nn.softmax(jax.vmap(lambda z: log_weight(z, outputs))(z))
    slope = jax.vmap(jax.grad(lambda z: log_weight(z, outputs)))(z)
    expected = -jnp.einsum("i,id,idb->b", share**2, slope, jax.jacobian(codes)(bias))
    found = eqx.filter_grad(lambda m: DReG(6)(m, batch_of(x[None], key[None])).loss[0])(model)
    return expected, found.encoder.layers[0].bias


@pytest.mark.slow
def test_dregs_encoder_gradient_is_the_papers_sum():
    expected, found = _dreg_by_hand(WRONG, jnp.asarray(X[0]), jr.key(5))
    assert np.asarray(found) == pytest.approx(np.asarray(expected), rel=1e-4, abs=1e-6)
    assert np.abs(expected).max() > 0.05


def test_multiply_weighted_bounds_are_those_they_lie_between():
    loss = {name: arrays[0] for name, arrays in six().items()}
    for same in ("miwae 1×6", "piwae 3×2", "ciwae 0"):
        assert loss[same] == pytest.approx(loss["iwae"], abs=1e-6)
    # Looser in every draw, and at one code a group the ELBO.
    assert (loss["miwae 6×1"] > loss["miwae 3×2"]).all() and (loss["miwae 3×2"] > loss["iwae"]).all()
    for elbo in ("miwae 6×1", "ciwae 1"):
        gap = loss[elbo] + LOG_P
        assert gap.mean() == pytest.approx(GAP, abs=4 * gap.std() / gap.size**0.5)


def test_ciwaes_beta_mixes_the_two_bounds():
    iwae, mixed, elbo = (six()[name] for name in ("ciwae 0", "ciwae 0.25", "ciwae 1"))
    for a, b, c in zip(iwae, mixed, elbo, strict=True):  # the loss and both gradients
        assert b == pytest.approx(0.75 * a + 0.25 * c, abs=2e-5)
    assert (elbo[0] - iwae[0]).mean() > 0.05


@pytest.mark.slow
def test_ciwae_of_one_code_at_beta_one_is_the_elbo_objective():
    keys = jr.split(jr.key(2), len(X))
    # It draws with the one key split from an example's.
    batch = batch_of(jnp.asarray(X), jax.vmap(lambda key: jr.split(key, 1)[0])(keys))
    elbo = eqx.filter_jit(ELBO())(WRONG, batch)
    mixed = eqx.filter_jit(CIWAE(1, beta=1.0))(WRONG, batch_of(jnp.asarray(X), keys))
    for a, b in zip(jax.tree.leaves(mixed), jax.tree.leaves(elbo), strict=True):
        assert np.asarray(a) == pytest.approx(np.asarray(b), rel=1e-6)


def test_piwae_trains_the_encoder_by_miwae_and_the_decoder_by_iwae():
    _, encoder, decoder = six()["piwae 3×2"]
    _, encoder_m, decoder_m = six()["miwae 3×2"]
    _, encoder_i, decoder_i = six()["iwae"]
    assert encoder == pytest.approx(encoder_m, abs=1e-5)
    assert decoder == pytest.approx(decoder_i, abs=1e-5)
    # And these differ, so that the two equalities say something.
    assert np.abs(encoder - encoder_i).max() > 0.01 and np.abs(decoder - decoder_m).max() > 0.01


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


def test_ciwaes_beta_is_from_zero_to_one_and_dreg_needs_a_density_at_any_code():
    for beta in (-0.1, 1.5, float("nan"), True):
        with pytest.raises(SpecError, match=r'"ciwae": got beta = .*; allowed: a number of at least 0 and at most 1'):
            CIWAE(beta=beta)

    class Blind(DiagonalGaussian):
        evaluates = False

    blind = eqx.tree_at(lambda m: m.posterior, WRONG, Blind())
    with pytest.raises(SpecError, match='objective "dreg-iwae" does not go with posterior Blind: its density'):
        DReG().check(blind)
    IWAE().check(blind)


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
