"""The doubly reparameterised gradient: the bound and mean of IWAE's with less noise, and the paper's own sum."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from made import batch_of
from severalcodes import EXACT, LOG_P, WRONG, X, drawn

from latente.errors import SpecError
from latente.model.posteriors.gaussian import DiagonalGaussian
from latente.objective.objectives.dreg import DReG
from latente.objective.objectives.iwae import IWAE

SIX = {"iwae": IWAE(6), "dreg-iwae": DReG(6)}


@pytest.fixture(scope="module")
def six():
    return drawn(SIX)


@pytest.mark.slow
def test_at_the_true_posterior_every_draw_is_the_exact_evidence_and_the_gradient_is_zero():
    found = drawn(SIX, EXACT)
    for name, (loss, _, _) in found.items():
        assert loss == pytest.approx(np.tile(-LOG_P, (1000, 1)), abs=2e-5), name
    assert np.abs(found["dreg-iwae"][1]).max() < 1e-4
    assert np.abs(found["iwae"][1]).max() > 0.05


def test_dregs_loss_is_the_bound_and_its_gradient_has_the_mean_of_iwaes_with_less_noise(six):
    (loss, encoder, decoder), (loss2, encoder2, decoder2) = six["iwae"], six["dreg-iwae"]
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


def test_it_needs_a_density_at_any_code():
    class Blind(DiagonalGaussian):
        evaluates = False

    blind = eqx.tree_at(lambda m: m.posterior, WRONG, Blind())
    with pytest.raises(SpecError, match='objective "dreg-iwae" does not go with posterior Blind: its density'):
        DReG().check(blind)
    IWAE().check(blind)
