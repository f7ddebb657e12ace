"""Unused latents are counted, in a model made to collapse and in one that is not, and its numbers are the split's."""

import numpy as np
import pytest

import latente
from latente.language.message import phrase
from latente.language.words import Words

PT = Words("pt")


@pytest.fixture(scope="module")
def runs(tiny):
    elbo = {"name": "elbo", "beta": 1000.0}
    specs = {"collapsed": latente.VAE(3, hidden=(8,), objective=elbo)}
    # Small weights of the KL let the code tell everything.
    specs["free"] = latente.VAE(3, hidden=(8,), objective={"name": "elbo", "beta": 0.01})
    return {n: latente.fit(s, tiny, epochs=30, batch_size=32, learning_rate=2e-2, name=n) for n, s in specs.items()}


@pytest.mark.slow
def test_a_model_made_to_collapse_is_told_to_have_collapsed(runs):
    found = runs["collapsed"].score("collapse")
    assert found.values["active-units"].value == 0 and found.values["unused-latents"].value == 3
    assert found.arrays["kl_per_dimension"].max() < 1e-2 and abs(found.values["mutual-information"].value) < 1e-2
    assert abs(found.values["aggregate-kl"].value) < 1e-2
    (said,) = found.warnings
    assert said.startswith("all 3 latents are unused: the decoder ignores its code (posterior collapse); try: ")
    assert "a lower weight of the KL (beta is 1000); a warm-up of the KL" in said and "fewer latents" not in said
    assert phrase(said, PT).startswith("nenhum dos 3 latentes é usado")


@pytest.mark.slow
def test_a_model_that_uses_its_latents_is_not(runs, tiny):
    run = runs["free"]
    found = run.score("collapse")
    assert found.values["unused-latents"].value == 0 and found.warnings == ()
    means = run.encode(tiny.test.x).astype(np.float64)
    assert found.arrays["variance_of_means"] == pytest.approx(means.var(axis=0), rel=1e-4)
    assert np.log(3) < found.values["mutual-information"].value < np.log(60)
    split = run.score("elbo-split")
    rate = split.values["rate"].value
    assert found.arrays["kl_per_dimension"].sum() == pytest.approx(rate, rel=1e-5)
    total = found.values["mutual-information"].value + found.values["aggregate-kl"].value
    assert total == pytest.approx(rate, abs=4 * split.values["aggregate-kl"].standard_error)
    assert found.values["aggregate-mmd"].value > 5 * found.values["aggregate-mmd"].standard_error


@pytest.mark.slow
def test_models_without_a_known_aggregate_posterior_still_have_their_units(tiny):
    run = latente.fit(latente.VAE(2, hidden=(8,), posterior="flow"), tiny, epochs=1)
    found = run.score("collapse", "validation")
    assert set(found.values) == {"active-units", "unused-latents", "aggregate-mmd"}
    assert set(found.arrays) == {"variance_of_means", "variance_error", "threshold", "mmd_of_wider"}
    means = run.encode(tiny.validation.x).astype(float)
    apart = (means - means.mean(axis=0)) ** 2
    assert found.arrays["variance_of_means"] == pytest.approx(apart.mean(axis=0), rel=1e-4)
    assert found.arrays["variance_error"] == pytest.approx(apart.std(axis=0) / np.sqrt(len(means)), rel=1e-4)
    assert found.arrays["threshold"] == 0.01
    assert latente.fit(latente.AE(2, hidden=(8,)), tiny, epochs=1).score("collapse", "validation") is None
