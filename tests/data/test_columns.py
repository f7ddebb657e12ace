"""Counts and categories as they are, and what kind of column each is."""

import numpy as np
import pandas as pd
import pytest

from latente.data.columns import column_kinds
from latente.data.load import load_data
from latente.errors import DataError
from latente.model.likelihoods import likelihoods

N = 60
RNG = np.random.default_rng(2)
FRAME = pd.DataFrame(
    {
        "height": np.round(RNG.normal(170, 9, N), 1),
        "visits": RNG.poisson(3, N),
        "town": RNG.choice(["Porto", "Braga", "Évora"], N),
        "smokes": RNG.choice([True, False], N),
        "change": RNG.integers(-3, 4, N),
        "blood": pd.Categorical(RNG.choice(["0", "1"], N)),
    }
)


def test_scale_none_leaves_bytes_and_numbers_as_they_are():
    x = RNG.integers(0, 256, (40, 3, 2)).astype(np.uint8)
    data = load_data(x, scale="none")
    assert data.train.x.dtype == np.uint8
    assert np.array_equal(data.values(data.test.x), data.test.x.astype(np.float32))
    assert data.distinct(data.train).max() == data.train.x.max()
    card = data.card()
    seen = np.concatenate([data.train.x, data.validation.x])
    assert card["range"] == [seen.min(), seen.max()]
    assert card["mean"] == pytest.approx(data.train.x.mean())
    assert data.fingerprint != load_data(x).fingerprint
    assert np.array_equal(data.test.x, load_data(x).test.x)
    digits = load_data("digits", scale="none")
    assert digits.card()["range"] == [0.0, 16.0]
    likelihoods.make("poisson").check(digits.distinct(digits.train), digits.shape)
    with pytest.raises(DataError, match='scale "none"'):
        unit = load_data("digits")
        likelihoods.make("poisson").check(unit.distinct(unit.train), unit.shape)
    with pytest.raises(DataError, match="missing values, and|x has 1 NaN"):
        load_data(np.array([[1.0, np.nan]] + [[1.0, 2.0]] * 9), scale="none")


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_text_becomes_categories_whose_names_are_kept(tmp_path, name):
    frame = FRAME.drop(columns="blood")
    frame.to_csv(tmp_path / name, index=False) if name == "a.csv" else frame.to_parquet(tmp_path / name)
    with pytest.raises(DataError, match='"town" holds "Porto"|"town" holds ".*scale = "none"'):
        load_data(tmp_path / name)
    data = load_data(tmp_path / name, scale="none")
    assert [c.name for c in data.features] == list(frame.columns)
    town = data.features[2].categories
    assert town == ("Braga", "Porto", "Évora")
    heights = frame["height"].to_numpy(np.float32)
    for part in (data.train, data.validation, data.test):
        for row in part.x:
            assert town[int(row[2])] in set(frame["town"][(heights == row[0]) & (frame["visits"] == row[1])])
    assert data.card()["categories"] == {"town": ["Braga", "Porto", "Évora"]}
    kinds = column_kinds(data)
    assert kinds == ["real", "count", "categorical:3", "binary", "real"]
    mixed = likelihoods.make({"name": "mixed", "columns": kinds})
    for part in (data.train, data.validation, data.test):
        mixed.check(data.distinct(part), data.shape)


def test_categories_of_parquet_may_be_called_by_numbers(tmp_path):
    FRAME.to_parquet(tmp_path / "a.parquet")
    data = load_data(tmp_path / "a.parquet", scale="none")
    assert data.features[5].categories == ("0", "1")
    assert column_kinds(data)[5] == "categorical:2"


def test_categories_may_be_missing(tmp_path):
    frame = FRAME.astype({"town": object, "smokes": object})
    frame.loc[::3, "town"] = None
    frame.loc[1::3, "smokes"] = None
    frame["visits"] = frame["visits"].astype(float).where(np.arange(N) % 4 > 0)
    frame.drop(columns="blood").to_csv(tmp_path / "a.csv", index=False)
    data = load_data(tmp_path / "a.csv", scale="none", missing="keep")
    assert column_kinds(data) == ["real", "count", "categorical:3", "binary", "real"]
    whole = np.concatenate([data.train.x, data.validation.x, data.test.x])
    assert np.isnan(whole).sum(axis=0).tolist() == [0, 15, 20, 20, 0]
    assert set(whole[~np.isnan(whole[:, 2]), 2]) == {0, 1, 2}
    likelihoods.make({"name": "mixed", "columns": column_kinds(data)}).check(data.distinct(data.train), data.shape)


def test_kinds_follow_the_values_a_model_sees():
    x = np.column_stack([np.arange(40) % 2, np.arange(40), np.arange(40) / 2, -np.arange(40), np.zeros(40)])
    assert column_kinds(load_data(x)) == ["binary", "count", "real", "real", "binary"]
    assert column_kinds(load_data(x, scale="minmax"))[1] == "real"
    bytes_ = np.arange(40, dtype=np.uint8).reshape(20, 2)
    assert column_kinds(load_data(bytes_)) == ["real", "real"]
    assert column_kinds(load_data(bytes_, scale="none")) == ["count", "count"]
    with pytest.raises(DataError, match=r"digits: examples have shape \(8, 8\); allowed: a table"):
        column_kinds(load_data("digits"))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1", "2", "3 kg"], '"c" holds "3 kg"; allowed: numbers, or text of which nothing is a number'),
        (["2,5", "3,5", "4,5"], '"c" holds "2,5"'),
        ([f"name {i}" for i in range(1001)], '"c" holds 1001 different texts; allowed: at most 1000'),
    ],
)
def test_text_that_is_no_category(tmp_path, cells, message):
    pd.DataFrame({"a": np.arange(len(cells)), "c": cells}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match=message):
        load_data(tmp_path / "a.csv", scale="none")
