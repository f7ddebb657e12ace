"""The score of samples: runs whose samples are the data, copies of it, or one image have the numbers they must have."""

import dataclasses
import math
from functools import partial

import numpy as np
import pytest
from made import blobs, untrained

import latente
from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import SpecError
from latente.evaluation.evaluate import Metric
from latente.evaluation.metrics.classifier import ClassifierRecipe
from latente.evaluation.metrics.classifier_cache import frozen_classifier
from latente.evaluation.metrics.generation import (
    class_balance,
    frechet_distance,
    kernel_distance,
    manifold,
)
from latente.evaluation.run import load
from latente.evaluation.scores import Measured, generation, scores

SHORT = ClassifierRecipe(hidden=(16, 8), steps=60, passes=2, batch_size=32, learning_rate=1e-2)
VAE = latente.VAE(2, hidden=(8,))
X, Y = blobs(1200)
N = 200


@pytest.fixture(scope="module")
def data():
    """1,000 images: 640 to train, 160 to validate, 200 to test."""
    return split_source(make_source("thousand", X[:1000], Y[:1000]))


@pytest.fixture(scope="module")
def classifier(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("classifiers")
    return partial(frozen_classifier, recipe=SHORT, folder=folder)


@pytest.fixture
def run(data, classifier, monkeypatch):
    """Makes a run that samples what it is told to."""
    monkeypatch.setattr(generation, "frozen_classifier", classifier)

    def made(samples=None, model=VAE, data=data):
        found = untrained(data, model)
        found.metrics["test"] = {}
        if samples is not None:
            found.sample = lambda n, *, seed=0, given=None: np.asarray(samples[:n], np.float32)
        return found

    return made


@pytest.fixture(scope="module")
def fresh(data):
    """New images of the data's own distribution, as many as there are to test."""
    return data.values(X[1000:])


def numbers(found):
    return {name: metric.value for name, metric in found.values.items()}


@pytest.mark.slow
def test_samples_of_the_datas_own_distribution_get_what_is_expected_of_them(run, fresh):
    measured = run(fresh).score("generation")
    found = numbers(measured)
    assert found["coverage"] == pytest.approx(1 - 2**-5, abs=0.05)
    assert found["density"] == pytest.approx(1, abs=0.15)
    assert found["precision"] > 0.93 and found["recall"] > 0.93
    kernel = measured.values["kernel_classifier_distance"]
    assert abs(kernel.value) < 4 * kernel.standard_error  # zero in expectation
    far = numbers(run(1 - fresh).score("generation"))
    for name in ("frechet_classifier_distance", "frechet_classifier_distance_train"):
        assert found[name] < 0.05 * far["frechet_classifier_distance"]
    assert abs(found["nearer_to_train"] - 0.5) < 0.08 and found["nearer_to_train_p"] > 0.05
    assert found["copies"] == 0 and found["class_divergence"] < 0.02 and found["classifier_accuracy"] > 0.95


def test_copies_of_training_examples_are_told(run, data):
    found = numbers(run(data.values(data.train.x)).score("generation"))
    assert found["coverage"] > 0.9  # as good as new ones to all that looks at features
    assert found["copies"] == 1 and found["copies_held_out"] == 0
    assert found["nearer_to_train"] == 1 and found["nearer_to_train_p"] < 1e-50


def test_a_collapsed_model_covers_nothing(run, data):
    one = np.repeat(data.values(data.test.x[:1]), N, axis=0) + 1e-4 * np.random.default_rng(0).normal(size=(N, 6, 5))
    found = numbers(run(one).score("generation"))
    assert found["coverage"] < 0.1 and found["recall"] < 0.05 and found["precision"] == 1
    # Jensen and Shannon's divergence of one class alone from the three of the data.
    q = np.bincount(data.test.y, minlength=3) / N
    known = int(data.test.y[0])
    p = np.eye(3)[known]
    m = (p + q) / 2
    expected = 0.5 * math.log(1 / m[known]) + 0.5 * float((q * np.log(q / m)).sum())
    assert found["class_divergence"] == pytest.approx(expected, abs=0.02)


def test_the_numbers_are_those_of_the_metrics_and_their_errors_span_the_intervals(run, data, fresh, classifier):
    found = run(fresh).score("generation")
    judge = classifier(data)
    real, drawn = (judge.features(x).values for x in (data.values(data.test.x), fresh))
    around = manifold(real, drawn, 5)
    for name in ("precision", "recall", "density", "coverage"):
        estimate = getattr(around, name)
        wide = max(estimate.high - estimate.value, estimate.value - estimate.low)
        assert found.values[name].value == estimate.value
        assert found.values[name].standard_error == pytest.approx(wide / 1.959964, rel=1e-6) and wide > 0
    assert numbers(found)["frechet_classifier_distance"] == frechet_distance(real, drawn).value
    assert numbers(found)["kernel_classifier_distance"] == kernel_distance(real, drawn).value
    known = [judge.predict(x) for x in (data.values(data.test.x), fresh)]
    assert numbers(found)["class_divergence"] == class_balance(*known, 3).divergence.value
    shares = np.bincount(known[1], minlength=3) / N
    assert found.arrays["class_shares"][:, 0] == pytest.approx(shares)


def test_what_is_shown_are_the_first_samples_and_those_most_like_a_copy(run, data, fresh):
    mixed = fresh.copy()
    mixed[150] = data.values(data.train.x[7:8])[0]
    arrays = run(mixed).score("generation").arrays
    assert np.array_equal(arrays["samples"], mixed[:12])
    assert np.array_equal(arrays["suspects"][0], mixed[150]) and arrays["suspect_neighbours"][0, 0] == 7
    assert arrays["suspect_distances"][0, 0] == 0
    train = data.values(data.train.x).reshape(640, -1).astype(float)
    for sample, near, apart in zip(*(arrays[f"sample{k}"] for k in ("s", "_neighbours", "_distances")), strict=True):
        every = np.sqrt(((train - sample.ravel()) ** 2).sum(axis=1))
        assert np.array_equal(near, np.argsort(every)[:3]) and apart == pytest.approx(np.sort(every)[:3], rel=1e-6)


def test_distances_in_other_classifiers_features_are_on_another_scale(run, data, fresh, monkeypatch, tmp_path):
    score, first, second = scores.make("generation"), run(fresh), run(fresh)
    first.score(score)
    other = partial(frozen_classifier, recipe=dataclasses.replace(SHORT, seed=1), folder=tmp_path)
    monkeypatch.setattr(generation, "frozen_classifier", other)
    second.score(score)
    assert score.scale(first) != score.scale(second)
    print_ = other(data).fingerprint
    assert print_[:12] in score.scale(second) and f"{other(data).accuracy.value:.3f}" in score.scale(second)
    assert second.measured["test"]["generation"].arrays["classifier"].tobytes().hex() == print_
    # It is the classifier that judged the run, kept with it, and not the one that is found today.
    second.metrics["test"]["loss"] = Metric(1.0, 0.1)  # which nobody evaluated here
    second.save(tmp_path / "run")
    again = load(tmp_path / "run", data=data)
    assert score.scale(again) == score.scale(second)


@pytest.mark.slow
def test_the_same_run_gets_the_same_bits_and_its_options_other_columns(run):
    # A model that was not trained: its own prior and decoder.
    a, b = run().score("generation"), run().score("generation")
    assert a.values == b.values and all(np.array_equal(a.arrays[k], b.arrays[k]) for k in a.arrays)
    table = {"name": "generation", "samples": 100, "k": 3}
    found = run().score(table)
    made = scores.make(table)
    assert made.key() == "generation_samples100_k3" and set(found.values) == set(made.columns())
    assert set(made.columns()).isdisjoint(scores.make("generation").columns())
    assert found.arrays["counts"].tolist() == [100, 100, 3]


@pytest.mark.slow
def test_a_weak_classifier_is_told(run, fresh, data, monkeypatch, tmp_path):
    hardly = dataclasses.replace(SHORT, steps=1, passes=1, learning_rate=1e-9)
    monkeypatch.setattr(generation, "frozen_classifier", partial(frozen_classifier, recipe=hardly, folder=tmp_path))
    measured = run(fresh).score("generation")
    share = frozen_classifier(data, hardly, folder=tmp_path).accuracy.value
    assert measured.warnings == (
        f"the classifier is right on {share:.0%} of the validation part only: its features tell little of this data, "
        "and so do distances in them",
    )


def test_models_without_samples_and_data_without_labels_are_told_why(run, data, fresh):
    score = scores.make("generation")
    point = run(model=latente.AE(2, hidden=(8,)))
    assert score.unsupported(point).startswith("it has no prior") and point.score(score) is None
    plain = split_source(make_source("plain", X[:1000]))
    bare = run(fresh, data=plain)
    assert "no labels" in score.unsupported(bare) and bare.score(score) is None
    found = numbers(bare.score({"name": "generation", "features": "values"}))
    as_they_are = manifold(plain.values(plain.test.x).reshape(N, -1), fresh.reshape(N, -1), 5)
    assert found["coverage_featuresvalues"] == as_they_are.coverage.value
    assert not any("classifier" in name for name in found) and found["copies_featuresvalues"] == 0
    few = split_source(make_source("few", X[:100], Y[:100]))
    bare = run(fresh, data=few)
    assert score.unsupported(bare) == "the validation part has 16 examples, and at least 30 are needed"
    assert bare.score(score) is None
    broken = fresh.copy()
    broken[3, 0, 0], broken[7] = np.nan, np.inf
    found = run(broken).score(score)
    assert not found.values and found.warnings == (
        "2 of 200 samples hold NaN or infinity, so that there are no numbers of them",
    )
    with pytest.raises(SpecError, match='unknown features of generation "pixels"'):
        scores.make({"name": "generation", "features": "pixels"})


def test_a_conditional_model_is_told_the_labels_of_training_examples(run, data, fresh):
    told = run(model=latente.preset("CVAE", 2, hidden=(8,)))
    asked = []

    def sample(n, *, seed, given):
        asked.append(given)
        return fresh[:n]

    told.sample = sample
    told.score("generation")
    assert len(asked[0]) == N and set(asked[0]) == {0, 1, 2}
    assert np.bincount(asked[0]) / N == pytest.approx(np.bincount(data.train.y) / 640, abs=0.1)
    assert scores.make("generation").scale(told).endswith("given the label or columns")


def test_another_prior_is_scored_anew(run, fresh):
    first = run(fresh)
    first.score("generation")
    first.measured["test"]["mean-mse"] = Measured({"mean-mse": Metric(1.0, 0.1)})
    first.metrics["test"]["mean-mse"] = Metric(1.0, 0.1)
    metrics, measured = first._without_samples()
    assert set(measured["test"]) == set(metrics["test"]) == {"mean-mse"}
    assert "generation" in first.measured["test"]  # the run itself keeps its own
