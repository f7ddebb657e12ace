"""Unused latents are counted and told, in a model made to collapse and in one that is not; distances to the prior."""

import jax.numpy as jnp
import numpy as np
import pytest

import latente
from latente.evaluation.likelihood.collapse import aggregate_mmd, diagnose, wider
from latente.language.message import phrase
from latente.language.words import Words
from latente.objective.kernels import SCALES, squared_mmd
from latente.objective.objectives.mmd import kernel_for

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


def test_some_unused_latents_are_counted_and_the_rest_recommended():
    variances = np.array([0.5, 0.001, 0.3, 0.0099, 0.0, 1.2])
    found = diagnose(variances, latente.VAE(6, hidden=(8,)))
    assert found.unused == (1, 3, 4) and found.active == 3
    assert found.advice.startswith("3 of 6 latents are unused; try: a lower weight of the KL (beta is 1)")
    assert "fewer latents (as few as 3)" in found.advice
    assert diagnose(np.full(6, 0.02), latente.VAE(6)).advice == "all 6 latents are used"
    warm = latente.preset("WarmupVAE", 6)
    assert "warm-up" not in diagnose(variances, warm).advice
    free = diagnose(variances, latente.preset("FreeBitsVAE", 6)).advice
    assert "more free bits" in free and "beta" not in free
    # NaN is no sign of use.
    assert diagnose(np.array([np.nan, 1.0]), latente.VAE(2)).unused == (0,)


@pytest.mark.slow
def test_the_mmd_is_the_kernels_and_its_error_that_of_repetitions(runs):
    model = runs["free"].model
    rng = np.random.default_rng(0)
    found = []
    for _ in range(40):
        codes, prior = rng.normal(0.7, 0.8, (120, 3)).astype(np.float32), rng.normal(size=(120, 3)).astype(np.float32)
        found.append(aggregate_mmd(model, codes, prior))
    one = jnp.ones(120)
    exact = squared_mmd(kernel_for(model, "imq", SCALES), jnp.asarray(codes), jnp.asarray(prior), one, one)
    assert found[-1].value == pytest.approx(float(exact), rel=1e-3)
    spread = np.std([m.value for m in found], ddof=1)
    assert np.mean([m.standard_error for m in found]) == pytest.approx(spread, rel=0.35)
    same = aggregate_mmd(model, prior, rng.normal(size=(120, 3)).astype(np.float32))
    assert abs(same.value) < 0.1 * np.mean([m.value for m in found])


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


@pytest.mark.slow
def test_draws_a_fifth_wider_are_a_difference_of_some_size_and_three_percent_are_not(runs):
    model = runs["free"].model
    prior, codes = np.random.default_rng(0).normal(size=(2, 3000, 3)).astype(np.float32)
    limit = aggregate_mmd(model, wider(prior), prior)
    assert wider(prior).std(axis=0) == pytest.approx(1.2 * prior.std(axis=0), rel=1e-4)
    assert limit.value > 5 * limit.standard_error
    assert abs(aggregate_mmd(model, 1.03 * codes, prior).value) < limit.value / 5
    assert aggregate_mmd(model, 1.5 * codes, prior).value > 2 * limit.value
