"""Outliers as a score: scikit-learn's numbers, what is warned of, its options, and that it is kept with the run."""

import json

import numpy as np
import pytest
from made import untrained
from sklearn.metrics import average_precision_score, roc_auc_score

import latente
from latente.errors import SpecError
from latente.evaluation.outliers.anomaly_scores import KINDS
from latente.evaluation.scores import scores
from latente.evaluation.scores.outliers import detected
from latente.language.message import phrase
from latente.language.words import Words

ASKED = {"name": "outliers", "against": "shuffled", "samples": 20}


@pytest.mark.slow
def test_the_numbers_are_scikit_learns_and_what_was_made_is_found(vae, tiny):
    found = vae.score(ASKED)
    assert vae.score(ASKED) is found
    assert set(found.values) == set(scores.make(ASKED).columns()) and found.warnings == ()
    for kind in KINDS:
        low, high = found.arrays[f"{kind}.inliers"], found.arrays[f"{kind}.outliers"]
        assert low.shape == high.shape == (60,)
        y, s = np.repeat([0, 1], 60), np.concatenate([low, high])
        for measure, known in (("auroc", roc_auc_score(y, s)), ("average_precision", average_precision_score(y, s))):
            metric = found.values[f"{measure}_{kind}_againstshuffled_samples20"]
            assert metric.value == pytest.approx(known, abs=1e-12) and 0 <= metric.standard_error < 0.06
    # Noise of the same grey values at each place is nothing like three patterns.
    auroc = {k: d.auroc.value for k, d in detected(found.arrays).items()}
    assert auroc["nll"] > 0.9 and auroc["reconstruction"] > 0.9 and auroc["regret"] > 0.75
    metrics = vae.metrics["test"]
    assert metrics["auroc_nll_againstshuffled_samples20"] is found.values["auroc_nll_againstshuffled_samples20"]


@pytest.mark.slow
def test_a_model_without_a_density_has_the_error_alone_and_a_told_one_nothing(vae, tiny):
    ae, told = (
        untrained(tiny, latente.AE(2, hidden=(16,)), "ae"),
        untrained(tiny, latente.preset("CVAE", 2, hidden=(16,)), "told"),
    )
    found = ae.score(ASKED)
    assert set(found.values) == {
        f"{m}_reconstruction_againstshuffled_samples20" for m in ("auroc", "average_precision")
    }
    with pytest.raises(SpecError, match=r'"nll": it needs a density .* allowed here: reconstruction$'):
        ae.anomaly_scores(tiny.test.x, "nll")
    with pytest.raises(SpecError, match='unknown anomaly score "regrets"; did you mean "regret"'):
        vae.anomaly_scores(tiny.test.x, "regrets")
    score = scores.make(ASKED)
    assert told.score(score) is None
    assert score.unsupported(told) == "it is given the label or columns, which outliers have not"
    assert score.scale(ae) == score.scale(vae) == "against shuffled"
    given = told.anomaly_scores(tiny.test.x, given=tiny.test.y)
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


def test_it_is_kept_with_the_run(vae, tmp_path, tiny):
    found = vae.score(ASKED)
    again = latente.load(vae.save(tmp_path / "run"), data=tiny).measured["test"]["outliers_againstshuffled_samples20"]
    assert again.values == found.values
    assert all(np.array_equal(again.arrays[k], v) for k, v in found.arrays.items())
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["test"]["auroc_nll_againstshuffled_samples20"]
