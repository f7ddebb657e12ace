"""Scores of training: their numbers are those of `Run.evaluate`, and losses compare where they are one quantity."""

import numpy as np
import pytest
from made import untrained

import latente
from latente.evaluation.scores import scores
from latente.evaluation.scores.losses import named_part, quantity
from latente.model.likelihoods import likelihoods

WARM = {"name": "linear", "steps": 10}


@pytest.mark.parametrize(
    ("objective", "text"),
    [
        ("elbo", "elbo"),
        ({"name": "elbo", "beta": 4}, "elbo (beta = 4)"),
        ({"name": "elbo", "beta": {**WARM, "end": 1.0}}, "elbo"),
        ({"name": "elbo", "beta": {**WARM, "end": 0.5}}, "elbo (beta = 0.5)"),
        ({"name": "iwae", "samples": 7}, "iwae (samples = 7)"),
        ("wae-mmd", "wae-mmd"),
    ],
)
def test_a_loss_is_the_quantity_that_it_ends_as(objective, text):
    assert str(quantity(objective)) == text


def test_a_part_is_named_by_the_options_that_are_not_its_defaults():
    named = lambda value: str(named_part(value, likelihoods))  # noqa: E731
    assert named("bernoulli") == named({"name": "bernoulli", "binarise": "none"}) == "bernoulli"
    assert named({"name": "gaussian", "sigma": 0.5}) == "gaussian (sigma = 0.5)"
    levels = {"levels": 8, "scale": "per-value"}
    assert named({"name": "discretised-logistic", **levels}) == "discretised-logistic (levels = 8, scale = per-value)"


@pytest.mark.slow
def test_the_numbers_are_the_means_that_a_run_evaluates_and_compare_on_their_scale(tiny):
    vae, beta, aae = (
        untrained(tiny, spec, name)
        for spec, name in (
            (latente.VAE(2, hidden=(8,)), "vae"),
            (latente.VAE(2, hidden=(8,), objective={"name": "elbo", "beta": 4.0}), "beta"),
            (latente.preset("AAE", 2, hidden=(8,)), "aae"),
        )
    )
    metrics = vae.evaluate("test")
    for name, column in (("loss", "loss"), ("distortion", "reconstruction"), ("mse", "mse")):
        found = vae.score(name)
        assert found.values[column] == metrics[column]
        each = found.each(column)
        assert len(each) == 60 and each.mean() == pytest.approx(metrics[column].value, rel=1e-6)
        assert scores.make(name).scale(vae) is not None
    loss, distortion = scores.make("loss"), scores.make("distortion")
    assert loss.scale(vae) != loss.scale(beta) and distortion.scale(vae) == distortion.scale(beta)
    # The same weights, so that the losses differ by three times the rate.
    apart = beta.score("loss").each("loss") - vae.score("loss").each("loss")
    assert apart == pytest.approx(3 * np.asarray(vae.per_example("test")["kl"], float), rel=1e-4, abs=1e-3)
    # An adversarial loss is of a batch and its opponent.
    assert loss.scale(aae) is None and aae.score("loss") is None and distortion.scale(aae) is not None
