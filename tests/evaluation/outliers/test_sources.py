"""Outliers made of a run's own data, read from elsewhere, or left out."""

import numpy as np
import pytest
from made import blobs

import latente
from latente.errors import DataError, DownloadError
from latente.evaluation.outliers import sources
from latente.model.likelihoods import likelihoods


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
