"""The page carries out plain models by itself; the rest is refused, and explored with the server."""

import dataclasses

import jax
import pytest

from latente import VAE
from latente.errors import SpecError
from latente.explorer import page_program
from latente.model.build import build
from latente.model.likelihoods.gaussian import Gaussian
from latente.model.nets import MLP
from latente.model.posteriors.dirac import Dirac

SHAPE = (5, 4)


@pytest.mark.slow
def test_what_the_page_does_not_compute_is_refused_by_name():
    model = build(VAE(latent_dim=2, hidden=(4,)), SHAPE, key=jax.random.key(0))

    class Other(MLP):
        pass

    class Bernoulli2(type(model.likelihood)):
        pass

    class Posterior2(type(model.posterior)):
        pass

    odd = dataclasses.replace(model, encoder=Other((20, 4, 4), "relu", key=jax.random.key(0)))
    with pytest.raises(SpecError, match="network Other; allowed: mlp") as error:
        page_program.encoder(odd)
    assert "\n" not in str(error.value) and "without --export" in str(error.value)
    with pytest.raises(SpecError, match="likelihood Bernoulli2; allowed: bernoulli, gaussian"):
        page_program.decoder(dataclasses.replace(model, likelihood=Bernoulli2()))
    with pytest.raises(SpecError, match="posterior Posterior2; allowed: gaussian, dirac"):
        page_program.encoder(dataclasses.replace(model, posterior=Posterior2()))
    with pytest.raises(SpecError, match="allowed: gaussian, dirac without top_k"):
        page_program.encoder(dataclasses.replace(model, posterior=Dirac(top_k=1)))
    with pytest.raises(SpecError, match="likelihood Gaussian; allowed: bernoulli, gaussian with one sigma for all"):
        page_program.decoder(dataclasses.replace(model, likelihood=Gaussian("per-value")))
