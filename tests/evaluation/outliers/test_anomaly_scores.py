"""Anomaly scores of single examples: each by its own definition, and an odd example first."""

import numpy as np
import pytest

import latente
from latente.evaluation.likelihood.importance import nll
from latente.evaluation.outliers.anomaly_scores import KINDS
from latente.training.examples import examples_of, scale_of


@pytest.mark.slow
def test_each_score_is_its_own_definition(vae, tiny):
    run, x = vae, tiny.test.x
    assert run.anomaly_scores(x, "reconstruction") == pytest.approx(
        ((run.reconstruct(x) - tiny.values(x)) ** 2).mean(axis=(1, 2)), rel=1e-5
    )
    bound = nll(run.model, scale_of(tiny), examples_of(tiny, tiny.test, run.spec.model), samples=20)
    assert run.anomaly_scores(x, "nll", samples=20) == pytest.approx(bound.values, rel=1e-4)
    found = run.score({"name": "outliers", "against": "shuffled", "samples": 20}).arrays
    assert run.anomaly_scores(x) == pytest.approx(found["regret.inliers"], abs=1e-3)
    # Values that are floats already score the same as the bytes.
    assert run.anomaly_scores(tiny.values(x)) == pytest.approx(run.anomaly_scores(x), abs=1e-4)
    # An example's number is its own, whatever stands beside it.
    other = np.concatenate([x[:5], tiny.train.x[:55]])
    assert run.anomaly_scores(other)[:5] == pytest.approx(run.anomaly_scores(x)[:5], abs=1e-3)


@pytest.mark.slow
def test_one_odd_example_comes_first(vae, tiny):
    ae = latente.fit(latente.AE(2, hidden=(16,)), tiny, epochs=30, batch_size=16, learning_rate=5e-3)
    x = tiny.test.x.copy()
    x[17] = 255 - x[17]
    for by in (None, *KINDS):
        assert vae.anomaly_scores(x, by, samples=20).argmax() == 17
    assert ae.anomaly_scores(x).argmax() == 17
