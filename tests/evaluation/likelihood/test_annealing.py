"""Annealing against the exact evidence of the linear-Gaussian model, from below and from above."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from made import untrained
from scipy import stats

import latente
from latente.errors import SpecError
from latente.evaluation.likelihood import hmc
from latente.evaluation.likelihood.annealing import Annealed, Sandwich, _images_at_once, ais, bdmc
from latente.evaluation.likelihood.exact import exact_nll
from latente.evaluation.likelihood.hmc import sigmoid_ladder
from latente.evaluation.likelihood.importance import nll
from latente.evaluation.scores import ais as module
from latente.evaluation.scores import scores
from latente.evaluation.scores.ais import subset, warnings
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


def test_simulated_examples_are_the_models(model):
    _, x = hmc.simulate(model, None, jr.split(jr.key(0), 4000))
    weight = np.asarray(model.decoder.layers[0].weight)
    assert np.cov(np.asarray(x).T) == pytest.approx(weight.T @ weight + 0.49 * np.eye(4), abs=0.1)


def test_the_ladder_is_closest_at_both_ends():
    ladder = sigmoid_ladder(100)
    assert ladder[0] == 0 and ladder[-1] == 1 and (np.diff(ladder) > 0).all()
    assert np.diff(ladder)[[0, -1]] == pytest.approx(np.diff(ladder)[50] / 13.3, rel=0.1)
    assert sigmoid_ladder(2)[1] == pytest.approx(0.5)


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


@pytest.mark.slow
def test_the_score_takes_a_fixed_subset_and_warns_of_what_is_loose(tiny):
    assert np.array_equal(subset(60, 100), np.arange(60)) and len(set(subset(1000, 100))) == 100
    assert (np.diff(subset(1000, 5)) > 0).all()
    run = latente.fit(latente.VAE(2, hidden=(8,)), tiny, epochs=3)
    found = run.score({"name": "ais", "images": 12, "steps": 20, "chains": 4, "samples": 200}, "validation")
    key = "ais_20_of_12"
    assert set(found.values) == {key, *(f"{key}_{c}" for c in ("iwae_excess", "bdmc_gap", "ess", "acceptance"))}
    assert len(found.arrays["index"]) == 12
    nll, excess = found.arrays["nll"], found.values[f"{key}_iwae_excess"].value
    assert nll.mean() - found.values[key].value == pytest.approx(excess, abs=1e-6)
    assert found.values[f"{key}_bdmc_gap"].value == pytest.approx(
        (found.arrays["upper"] - found.arrays["lower"]).mean(), abs=1e-6
    )
    assert found.arrays["index"].tolist() == subset(48, 12).tolist()
    tight, loose = np.full(20, 0.1), np.full(20, 2.0)
    assert warnings(tight, tight, 10, 10) == ()
    assert "K = 10 is 2.0 nats looser" in warnings(loose, tight, 10, 10)[0]
    assert "2.0 nats apart" in warnings(tight, loose, 10, 10)[0]


@pytest.mark.slow
def test_a_model_whose_encoder_gives_points_has_a_likelihood_too(tiny, monkeypatch):
    run = untrained(tiny, preset("WAE", 2, hidden=(8,)), "wae")
    score = scores.make({"name": "ais", "images": 3, "steps": 7})
    assert scores.make("nll").unsupported(run) and score.unsupported(run) is None
    assert score.unsupported(untrained(tiny, AE(2, hidden=(8,)), "ae"))
    seen, ones = [], np.ones(3)

    def annealed(model, scale, examples, **how):
        seen.append((len(examples), how["steps"], how["start"]))
        return Annealed(2 * ones, ones, ones, 16, 7)

    monkeypatch.setattr(module, "ais", annealed)
    monkeypatch.setattr(module, "bdmc", lambda model, n, **how: Sandwich(-2 * ones, -1.9 * ones, ones))
    found = score.measure(run, "validation")
    assert seen == [(3, 7, "prior")] and "ais_7_of_3_iwae_excess" not in found.values
    assert found.values["ais_7_of_3"].value == 2 and found.values["ais_7_of_3_bdmc_gap"].value == pytest.approx(0.1)
