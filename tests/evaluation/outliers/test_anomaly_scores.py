"""Outliers made of a run's own data or read from elsewhere, told apart by what NumPy and scikit-learn say too."""

import json

import numpy as np
import pytest
from made import blobs
from sklearn.metrics import average_precision_score, roc_auc_score

import latente
from latente.errors import DataError, DownloadError, SpecError
from latente.evaluation.likelihood.importance import nll
from latente.evaluation.outliers import sources
from latente.evaluation.outliers.anomaly_scores import KINDS
from latente.evaluation.scores import scores
from latente.evaluation.scores.outliers import detected
from latente.language.message import phrase
from latente.language.words import Words
from latente.model.likelihoods import likelihoods
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


def test_what_is_made_keeps_what_it_says(tiny):
    rng = np.random.default_rng(0)
    x = tiny.test.x
    shuffled = sources.MADE["shuffled"](x, tiny, rng)
    assert np.array_equal(np.sort(shuffled, axis=0), np.sort(x, axis=0)) and not np.array_equal(shuffled, x)
    low, high = int(tiny.train.x.min()), int(tiny.train.x.max())
    assert np.array_equal(sources.MADE["inverted"](x, tiny, rng), (low + high) - x)
    noise = sources.MADE["noise"](x, tiny, rng)
    assert noise.dtype == np.uint8 and noise.min() >= low and noise.max() <= high
    assert noise.mean() == pytest.approx((low + high) / 2, abs=5)
    table = latente.load_data(np.random.default_rng(1).normal(size=(200, 3)) * [1, 10, 100])
    noise = sources.MADE["noise"](table.test.x, table, rng)
    assert noise.dtype == np.float32 and (np.abs(noise).max(axis=0) / np.abs(table.train.x).max(axis=0) <= 1).all()
    assert np.abs(noise).max(axis=0).argmax() == 2


def test_another_set_is_read_with_the_runs_scale(tiny, tmp_path):
    likelihood = likelihoods.make("bernoulli")

    def read(x, most=20):
        np.save(tmp_path / "other.npy", x)
        return sources.outliers(tiny, tiny.test, str(tmp_path / "other.npy"), most, likelihood)

    other = blobs(seed=5)[0]
    assert read(other).shape == (20, 6, 5)
    everything = read(other, 1000)
    assert everything == pytest.approx(other / 255, abs=1e-6)
    assert read((other / 255).astype(np.float32), 1000) == pytest.approx(everything, abs=1e-6)
    with pytest.raises(DataError, match=r'against = "other": has examples of shape \(6, 4\) and the run of \(6, 5\)'):
        read(other[:, :, :4])
    with pytest.raises(DataError, match="its examples are those of the run's own data"):
        read(tiny.train.x)
    with pytest.raises(DataError, match=r'against = "other": values from .* are outside what'):
        read(other.astype(np.float32))
    with pytest.raises(DataError, match='unknown data set "shufled"'):
        sources.outliers(tiny, tiny.test, "shufled", 20, likelihood)


def test_without_a_network_it_says_what_needs_none(tiny, monkeypatch):
    def offline(*_):
        raise DownloadError("fashion-mnist: could not be downloaded")

    monkeypatch.setattr(sources, "find_source", offline)
    with pytest.raises(DownloadError, match="set outliers.against to what needs no download: .*shuffled"):
        sources.outliers(tiny, tiny.test, "fashion-mnist", 10, likelihoods.make("bernoulli"))


def test_auto_is_what_was_left_out_or_the_other_of_digits_and_clothes():
    assert sources.choose("mnist", (28, 28), (), "auto") == "fashion-mnist" == sources.choose("b", (28, 28), (), "auto")
    assert sources.choose("Fashion-MNIST", (28, 28), (), "auto") == "mnist-5k"
    assert sources.choose("iris", (4,), (), "auto") == sources.choose("digits", (8, 8), (), "auto") == "shuffled"
    assert sources.choose("mnist", (28, 28), ("3",), "auto") == "left-out"
    assert sources.choose("mnist", (28, 28), ("3",), "noise") == "noise"


def test_labels_that_were_left_out_are_the_outliers():
    data, whole = latente.load_data("digits", without=3), latente.load_data("digits")
    likelihood = likelihoods.make("bernoulli")
    found = sources.outliers(data, data.test, "left-out", 10_000, likelihood)
    threes = np.concatenate([whole.values(s.x[s.y == 3]) for s in (whole.train, whole.validation, whole.test)])
    assert len(found) == len(threes) == 183
    assert sorted(row.tobytes() for row in found) == sorted(row.tobytes() for row in threes)
    with pytest.raises(DataError, match="nothing is left out"):
        sources.outliers(whole, whole.test, "left-out", 10, likelihood)


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
