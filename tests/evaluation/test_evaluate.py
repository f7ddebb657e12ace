"""Numbers of examples: what they are divided by."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import latente
from latente.evaluation.evaluate import per_example, summarise
from latente.model.build import build
from latente.objective.objectives import objectives
from latente.training.examples import Examples, Scale

ONE = Scale(jnp.ones(()), jnp.zeros(()), False)
WHOLE = np.random.default_rng(0).random((300, 30)).astype(np.float32)


def holes(share):
    gone = np.random.default_rng(1).random(WHOLE.shape) < share
    gone[:, 0] = False
    return np.where(gone, np.nan, WHOLE)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_numbers_a_value_are_divided_by_the_values_that_are_there(share):
    spec = latente.VAE(2, hidden=(8,), missing=True)
    model, x = build(spec, (30,), key=jr.key(0)), holes(share)
    found = per_example(model, objectives.make("elbo"), ONE, Examples(jnp.asarray(x)), samples=1)
    there = (~np.isnan(x)).sum(axis=1)
    assert found["bce_per_pixel"] == pytest.approx(found["reconstruction"] / there, rel=1e-6)
    assert found["bits_per_dim"] == pytest.approx(found["loss"] / there / np.log(2), rel=1e-6)
    # An untrained model gives every value about the same odds, however many there are of them.
    assert summarise(found)["bce_per_pixel"].value == pytest.approx(0.7, abs=0.03)
    assert summarise(found)["mse"].value == pytest.approx(0.09, abs=0.02)


def test_an_example_without_a_value_counts_for_no_mean_over_values():
    spec, x = latente.VAE(2, hidden=(8,), missing=True), holes(0.5)
    x[3] = np.nan
    model = build(spec, (30,), key=jr.key(0))
    found = per_example(model, objectives.make("elbo"), ONE, Examples(jnp.asarray(x)), samples=1)
    means = summarise(found)
    for name in ("bce_per_pixel", "mse", "bits_per_dim"):
        assert np.flatnonzero(np.isnan(found[name])).tolist() == [3]
        assert means[name].value == pytest.approx(np.nanmean(found[name].astype(float)), rel=1e-12)
    assert means["loss"].value == pytest.approx(found["loss"].astype(float).mean(), rel=1e-12)
    # A loss that is not a number is not hidden.
    assert np.isnan(summarise({k: np.array([np.nan, 1]) for k in found})["bits_per_dim"].value)
