"""Outliers made of a run's own data or read from elsewhere, told apart by what NumPy and scikit-learn say too."""

import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

import latente
from latente.errors import SpecError
from latente.evaluation.likelihood.importance import nll
from latente.evaluation.outliers.anomaly_scores import KINDS
from latente.evaluation.scores import scores
from latente.evaluation.scores.outliers import detected
from latente.language.message import phrase
from latente.language.words import Words
from latente.training.examples import examples_of, scale_of

SMALL = {"hidden": (16,)}
ASKED = {"name": "outliers", "against": "shuffled", "samples": 20}


@pytest.fixture(scope="module")
def runs(tiny):
    specs = {
        "vae": latente.VAE(2, **SMALL),
        "ae": latente.AE(2, **SMALL),
        "told": latente.preset("CVAE", 2, **SMALL),
    }
    return {n: latente.fit(s, tiny, epochs=30, batch_size=16, learning_rate=5e-3, name=n) for n, s in specs.items()}


@pytest.mark.slow
def test_the_numbers_are_scikit_learns_and_what_was_made_is_found(runs, tiny):
    found = runs["vae"].score(ASKED)
    assert runs["vae"].score(ASKED) is found
    assert set(found.values) == set(scores.make(ASKED).columns()) and found.warnings == ()
    for kind in KINDS:
        low, high = found.arrays[f"{kind}.inliers"], found.arrays[f"{kind}.outliers"]
        assert low.shape == high.shape == (60,)
        y, s = np.repeat([0, 1], 60), np.concatenate([low, high])
        for measure, known in (("auroc", roc_auc_score(y, s)), ("average_precision", average_precision_score(y, s))):
            metric = found.values[f"{measure}_{kind}_againstshuffled_samples20"]
            assert metric.value == pytest.approx(known, abs=1e-12) and 0 <= metric.standard_error < 0.06
    # Noise of the same grey values at each place is nothing like three patterns.
    told = {k: d.auroc.value for k, d in detected(found.arrays).items()}
    assert told["nll"] > 0.9 and told["reconstruction"] > 0.9 and told["regret"] > 0.75
    metrics = runs["vae"].metrics["test"]
    assert metrics["auroc_nll_againstshuffled_samples20"] is found.values["auroc_nll_againstshuffled_samples20"]


@pytest.mark.slow
def test_each_score_is_its_own_definition(runs, tiny):
    run, x = runs["vae"], tiny.test.x
    assert run.anomaly_scores(x, "reconstruction") == pytest.approx(
        ((run.reconstruct(x) - tiny.values(x)) ** 2).mean(axis=(1, 2)), rel=1e-5
    )
    bound = nll(run.model, scale_of(tiny), examples_of(tiny, tiny.test, run.spec.model), samples=20)
    assert run.anomaly_scores(x, "nll", samples=20) == pytest.approx(bound.values, rel=1e-4)
    found = run.score(ASKED).arrays
    assert run.anomaly_scores(x) == pytest.approx(found["regret.inliers"], abs=1e-3)
    # Values that are floats already score the same as the bytes.
    assert run.anomaly_scores(tiny.values(x)) == pytest.approx(run.anomaly_scores(x), abs=1e-4)
    # An example's number is its own, whatever stands beside it.
    other = np.concatenate([x[:5], tiny.train.x[:55]])
    assert run.anomaly_scores(other)[:5] == pytest.approx(run.anomaly_scores(x)[:5], abs=1e-3)


def test_one_odd_example_comes_first(runs, tiny):
    x = tiny.test.x.copy()
    x[17] = 255 - x[17]
    for by in (None, *KINDS):
        assert runs["vae"].anomaly_scores(x, by, samples=20).argmax() == 17
    assert runs["ae"].anomaly_scores(x).argmax() == 17


@pytest.mark.slow
def test_a_model_without_a_density_has_the_error_alone_and_a_told_one_nothing(runs, tiny):
    found = runs["ae"].score(ASKED)
    assert set(found.values) == {
        f"{m}_reconstruction_againstshuffled_samples20" for m in ("auroc", "average_precision")
    }
    with pytest.raises(SpecError, match=r'"nll": it needs a density .* allowed here: reconstruction$'):
        runs["ae"].anomaly_scores(tiny.test.x, "nll")
    with pytest.raises(SpecError, match='unknown anomaly score "regrets"; did you mean "regret"'):
        runs["vae"].anomaly_scores(tiny.test.x, "regrets")
    score = scores.make(ASKED)
    assert runs["told"].score(score) is None
    assert score.unsupported(runs["told"]) == "it is given the label or columns, which outliers have not"
    assert score.scale(runs["ae"]) == score.scale(runs["vae"]) == "against shuffled"
    given = runs["told"].anomaly_scores(tiny.test.x, given=tiny.test.y)
    assert given.shape == (60,) and np.isfinite(given).all()


@pytest.mark.slow
def test_a_likelihood_that_prefers_the_wrong_set_is_told(tmp_path):
    # Near the mode of a normal density all is likelier than a draw from it, far out in some of many directions.
    rng = np.random.default_rng(0)
    data = latente.load_data(rng.normal(size=(400, 20)).astype(np.float32))
    spec = latente.VAE(1, likelihood={"name": "gaussian", "sigma": 1.0}, hidden=(8,))
    run = latente.fit(spec, data, epochs=5, batch_size=64)
    np.save(tmp_path / "middle.npy", 0.1 * rng.normal(size=(70, 20)).astype(np.float32))
    found = run.score({"name": "outliers", "against": str(tmp_path / "middle.npy"), "samples": 10})
    d = detected(found.arrays)["nll"]
    assert d.auroc.value < 0.02 and d.reversed and (d.inliers, d.outliers) == (80, 70)
    assert found.warnings[-1].startswith("the model finds middle likelier than its own data (AUROC 0.0")
    said = phrase(found.warnings[-1], Words("pt"))
    assert said.startswith("o modelo acha middle mais provável que os seus próprios dados (AUROC 0,0")


def test_options_are_in_the_key_and_checked(tmp_path):
    keys = [
        scores.make({"name": "outliers", **options}).key()
        for options in ({}, {"against": "fashion-mnist"}, {"examples": 50, "samples": 7}, {"against": "a/x.npz"},
                        {"against": "b/x.npz"})
    ]  # fmt: skip
    assert keys[:3] == ["outliers", "outliers_againstfashion-mnist", "outliers_examples50_samples7"]
    assert keys[3].startswith("outliers_againstx-") and keys[3] != keys[4] and not set(keys[3]) & set("/.")
    for wrong, message in (({"against": " "}, "outliers: against: got ' '"), ({"examples": 1}, "at least 2"),
                           ({"samples": True}, "samples: got True")):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            scores.make({"name": "outliers", **wrong})


def test_it_is_kept_with_the_run(runs, tmp_path, tiny):
    found = runs["vae"].score(ASKED)
    again = latente.load(runs["vae"].save(tmp_path / "run"), data=tiny).measured["test"][
        "outliers_againstshuffled_samples20"
    ]
    assert again.values == found.values
    assert all(np.array_equal(again.arrays[k], v) for k, v in found.arrays.items())
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["test"]["auroc_nll_againstshuffled_samples20"]
