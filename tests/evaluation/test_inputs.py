"""What is handed to a run is checked, and taken as the data's own."""

import numpy as np
import pytest
from made import blobs, untrained

import latente
from latente.errors import DataError, LatenteWarning

SMALL = {"hidden": (8,)}
X, Y = blobs(120, (6, 5))


def test_values_beyond_the_training_part_are_held_and_said():
    x = np.linspace(0, 100, 120, dtype=np.float32)[:, None] * [1, 2, 3]
    data = latente.load_data(x, scale="minmax")
    run = untrained(data, latente.VAE(2, **SMALL))
    with pytest.warns(LatenteWarning, match="1 of 3 values lie beyond the range of the training part") as told:
        run.encode([[50, 100, 900]])
    assert told[0].filename == __file__
    with pytest.raises(DataError, match="outside what likelihood"):
        run.encode([[50, 100, 900]], scaled=True)


def test_channels_and_rows_come_as_the_data_did():
    x = np.random.default_rng(0).integers(0, 256, (120, 3, 6, 6), np.uint8)
    run = untrained(data := latente.load_data(x), latente.VAE(2, **SMALL))
    assert data.shape == (6, 6, 3)
    assert np.array_equal(run.encode(x[:4]), run.encode(np.moveaxis(x[:4], 1, -1)))
    rows = X.reshape(120, 30).astype(float)
    run = untrained(latente.load_data(rows, shape=[6, 5]), latente.VAE(2, **SMALL))
    assert np.array_equal(run.encode(rows[:4]), run.encode(X[:4]))


def test_what_a_model_is_given_is_the_datas_own_too(tmp_path):
    names = np.array(["three", "one", "two"])[Y]
    labels = untrained(latente.load_data((X, names)), latente.VAE(2, condition="labels", **SMALL))
    assert np.array_equal(labels.sample(2, given=["two", "one"]), labels.sample(2, given=[2, 0]))
    with pytest.raises(DataError, match='unknown class "tow"; did you mean "two"'):
        labels.sample(1, given=["tow"])
    age = np.random.default_rng(0).normal(45, 3, 120)
    data = latente.load_data(np.c_[X.reshape(120, 30) / 255, age], condition=30)
    run = untrained(data, latente.VAE(2, condition="columns", **SMALL))
    run.save(tmp_path / "run")
    alone = latente.load(tmp_path / "run")
    expected = run.sample(2, given=data.given([[40], [50.5]]))
    assert np.array_equal(alone.given([[40], [50.5]]), data.given([[40], [50.5]]))
    assert np.array_equal(alone.sample(2, given=[[40], [50.5]]), expected)
    with pytest.warns(LatenteWarning, match="standard deviations from the training part's mean") as told:
        alone.sample(2, given=np.array([[40], [50.5]]))
    # The warning names the line that called the run.
    assert told[0].filename == __file__
