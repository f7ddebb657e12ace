"""Annealing against the exact evidence of the linear-Gaussian model, from below and from above."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.errors import SpecError
from latente.evaluation.likelihood import hmc
from latente.evaluation.likelihood.annealing import _images_at_once, ais, bdmc
from latente.evaluation.likelihood.exact import exact_nll
from latente.evaluation.likelihood.importance import nll
from latente.model.build import build
from latente.objective.presets import AE, VAE, preset
from latente.training.examples import Examples, Scale

ONE = Scale(jnp.ones(()), jnp.zeros(()), False)
N, FEW = 60, {"chains": 8, "leaps": 4}


@pytest.fixture(scope="module")
def model():
    """Its encoder is as it was drawn: of no help, and a hindrance to importance weighting."""
    return build(VAE(2, hidden=(), likelihood={"name": "gaussian", "sigma": 0.7}), (4,), key=jr.key(3))


@pytest.fixture(scope="module")
def examples(model):
    weight = np.asarray(model.decoder.layers[0].weight)
    evidence = stats.multivariate_normal(np.zeros(4), weight.T @ weight + 0.49 * np.eye(4))
    return Examples(jnp.asarray(evidence.rvs(size=N, random_state=0).astype(np.float32)))


def mean_and_error(values):
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values))


def between(sandwich, truth):
    """Means and errors of how far each bound is from the truth, on the side where it should be."""
    return mean_and_error(truth - sandwich.lower), mean_and_error(sandwich.upper - truth)


def near_and_above(found, limit):
    """Whether a mean with its error is at least zero, and less than a limit."""
    mean, error = found
    return -3 * error < mean < limit and error < limit


@pytest.mark.slow
def test_annealing_closes_in_on_the_exact_nll_from_above(model, examples):
    exact = exact_nll(model, ONE, examples)
    found = ais(model, ONE, examples, steps=200, **FEW)
    assert near_and_above(mean_and_error(found.values - exact), 0.05)
    assert 0.5 < found.acceptance.mean() < 0.85 and found.effective.mean() > 5
    short = ais(model, ONE, examples, steps=1, **FEW)
    assert (short.values - exact).mean() > 0.1 and short.effective.mean() < found.effective.mean()
    again = ais(model, ONE, examples, steps=200, **FEW)
    assert np.array_equal(again.values, found.values)
    # Importance weighting with that encoder is far off with as many gradients' worth of codes.
    assert (nll(model, ONE, examples, samples=50).values - exact).mean() > 0.3


@pytest.mark.slow
def test_the_exact_log_p_of_simulated_examples_lies_between_the_bounds(model):
    sandwich = bdmc(model, N, steps=200, **FEW)
    below, above = between(sandwich, -exact_nll(model, ONE, Examples(jnp.asarray(sandwich.x))))
    assert near_and_above(below, 0.06) and near_and_above(above, 0.06)
    assert sandwich.gap.mean() == pytest.approx(below[0] + above[0], abs=1e-5)
    short = bdmc(model, N, steps=4, **FEW)
    assert short.gap.mean() > max(0.2, 2 * sandwich.gap.mean())
    assert np.array_equal(short.x, sandwich.x)


@pytest.mark.slow
def test_from_the_posterior_and_of_a_conditional_model():
    model = build(preset("CVAE", 2, hidden=(), likelihood="gaussian"), (3,), key=jr.key(0), context=2)
    context = jnp.asarray(np.eye(2, dtype=np.float32)[np.arange(N) % 2])
    sandwich = bdmc(model, N, context=context, steps=200, start="posterior", **FEW)
    below, above = between(sandwich, -exact_nll(model, ONE, Examples(jnp.asarray(sandwich.x), context)))
    assert near_and_above(below, 0.06) and near_and_above(above, 0.06)


@pytest.mark.slow
def test_a_step_takes_no_more_memory_than_it_may():
    model = build(VAE(4, hidden=(32,)), (12, 12), key=jr.key(0))
    memory = 2**22
    size = _images_at_once(model, memory, 8, 1000)
    x, keys = jnp.zeros((size, 12, 12)), jr.split(jr.key(0), size)
    ladder = hmc.Ladder.of(30)
    step = hmc.anneal.lower(model, x, None, keys, None, ladder, 8, 2, "prior").compile()
    assert size > 3 and 0 < step.compiled.memory_analysis().temp_size_in_bytes < memory


def test_what_cannot_be_annealed_is_refused(model, examples):
    for spec, reason in (
        (AE(2, hidden=()), "it starts from the prior"),
        (preset("HypersphericalVAE", 3, hidden=()), "chains move freely through codes"),
    ):
        with pytest.raises(SpecError, match=reason):
            ais(build(spec, (4,), key=jr.key(0)), ONE, examples)
    with pytest.raises(SpecError, match="steps: got 0"):
        ais(model, ONE, examples, steps=0)
    with pytest.raises(SpecError, match='unknown start "encoder"'):
        ais(model, ONE, examples, start="encoder")
