"""Groups of codes and mixtures of bounds against the bounds that they lie between."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from made import batch_of
from severalcodes import EXACT, GAP, LOG_P, WRONG, X, drawn

from latente.errors import SpecError
from latente.objective.objectives.elbo import ELBO
from latente.objective.objectives.iwae import IWAE
from latente.objective.objectives.multi import CIWAE, MIWAE, PIWAE

SIX = {
    "iwae": IWAE(6),
    "miwae 1×6": MIWAE(1, 6),
    "miwae 3×2": MIWAE(3, 2),
    "miwae 6×1": MIWAE(6, 1),
    "piwae 3×2": PIWAE(3, 2),
    "ciwae 0": CIWAE(6, beta=0.0),
    "ciwae 0.25": CIWAE(6, beta=0.25),
    "ciwae 1": CIWAE(6, beta=1.0),
}


@pytest.fixture(scope="module")
def six():
    return drawn(SIX)


@pytest.mark.slow
def test_at_the_true_posterior_every_draw_is_the_exact_evidence():
    for name, (loss, encoder, _) in drawn(SIX, EXACT).items():
        if name not in ("ciwae 0.25", "ciwae 1"):  # their ELBO has its KL in closed form, and so varies
            assert loss == pytest.approx(np.tile(-LOG_P, (1000, 1)), abs=2e-5), name
        assert np.abs(encoder).max() > 0.05, name


def test_multiply_weighted_bounds_are_those_they_lie_between(six):
    loss = {name: arrays[0] for name, arrays in six.items()}
    for same in ("miwae 1×6", "piwae 3×2", "ciwae 0"):
        assert loss[same] == pytest.approx(loss["iwae"], abs=1e-6)
    # Looser in every draw, and at one code a group the ELBO.
    assert (loss["miwae 6×1"] > loss["miwae 3×2"]).all() and (loss["miwae 3×2"] > loss["iwae"]).all()
    for elbo in ("miwae 6×1", "ciwae 1"):
        gap = loss[elbo] + LOG_P
        assert gap.mean() == pytest.approx(GAP, abs=4 * gap.std() / gap.size**0.5)


def test_ciwaes_beta_mixes_the_two_bounds(six):
    iwae, mixed, elbo = (six[name] for name in ("ciwae 0", "ciwae 0.25", "ciwae 1"))
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


def test_piwae_trains_the_encoder_by_miwae_and_the_decoder_by_iwae(six):
    _, encoder, decoder = six["piwae 3×2"]
    _, encoder_m, decoder_m = six["miwae 3×2"]
    _, encoder_i, decoder_i = six["iwae"]
    assert encoder == pytest.approx(encoder_m, abs=1e-5)
    assert decoder == pytest.approx(decoder_i, abs=1e-5)
    # And these differ, so that the two equalities say something.
    assert np.abs(encoder - encoder_i).max() > 0.01 and np.abs(decoder - decoder_m).max() > 0.01


def test_ciwaes_beta_is_from_zero_to_one():
    for beta in (-0.1, 1.5, float("nan"), True):
        with pytest.raises(SpecError, match=r'"ciwae": got beta = .*; allowed: a number of at least 0 and at most 1'):
            CIWAE(beta=beta)
