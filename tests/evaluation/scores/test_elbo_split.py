"""The ELBO's parts as a score: each is the mean of what is kept for each example, and they add up."""

import numpy as np
import pytest
from made import untrained
from scipy import stats

import latente
from latente.evaluation.scores import scores

COLUMNS = {"distortion", "rate", "mutual-information", "aggregate-kl", "total-correlation", "dimension-kl"}


@pytest.mark.slow
def test_the_parts_are_numpys_and_add_up(tiny):
    run = untrained(tiny, latente.VAE(2, hidden=(8,), likelihood="gaussian"), "vae")
    found = run.score({"name": "elbo-split", "samples": 20})
    assert set(found.values) == COLUMNS
    for column, metric in found.values.items():
        each = found.each(column)
        assert (metric.value, metric.standard_error) == pytest.approx(
            (each.mean(), stats.sem(each)), rel=1e-6, abs=1e-9
        )
    outputs = np.stack([np.asarray(run.model.encode(x), float) for x in tiny.values(tiny.test.x)])
    mean, log_var = outputs[:, :2], 20 * np.tanh(outputs[:, 2:] / 20)
    rate = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)
    assert found.each("rate") == pytest.approx(rate, rel=1e-4, abs=1e-5)
    values = {name: metric.value for name, metric in found.values.items()}
    assert values["total-correlation"] + values["dimension-kl"] == pytest.approx(values["aggregate-kl"], abs=1e-5)
    assert found.arrays["dimension_kl"].sum() == pytest.approx(values["dimension-kl"], abs=1e-6)
    left = found.each("mutual-information") + found.each("aggregate-kl") - rate
    assert abs(left.mean()) < 4 * stats.sem(left) + 1e-5
    assert 0 < values["mutual-information"] < np.log(60)


@pytest.mark.slow
def test_models_without_some_part_or_any(tiny):
    vamp = untrained(tiny, latente.VAE(2, hidden=(8,), prior={"name": "vamp", "pseudo_inputs": 3}), "vamp")
    found = vamp.score("elbo-split")
    assert set(found.values) == COLUMNS - {"dimension-kl"} and "dimension_kl" not in found.arrays
    score, point = scores.make("elbo-split"), untrained(tiny, latente.AE(2, hidden=(8,)), "ae")
    assert score.scale(vamp) == scores.make("nll").scale(vamp)
    assert point.score(score) is None and "needs a density of codes" in score.unsupported(point)
