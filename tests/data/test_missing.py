"""Missing values: refused with a way out, or kept as NaN, and left out of everything that is computed of values."""

import dataclasses
import json
import warnings

import numpy as np
import pandas as pd
import pytest

import latente
from latente.data.files import from_arrays
from latente.data.load import load_data, load_spec
from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import DataError, SpecError
from latente.spec import DataSpec, RunSpec, TrainSpec
from latente.training.check import check

RNG = np.random.default_rng(0)
WHOLE = RNG.normal(size=(200, 4)) * [1, 10, 0.1, 3] + [0, 50, 0, -2]
HOLES = np.where(RNG.uniform(size=WHOLE.shape) < [0.3, 0.1, 0, 0.2], np.nan, WHOLE)
HOLES[:, 2] = WHOLE[:, 2]


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


def kept(x=HOLES, **options):
    return load_data(x, missing="keep", **options)


def test_nan_is_refused_with_the_way_to_keep_it(tmp_path):
    for source in (HOLES, (HOLES, np.arange(200) % 2)):
        with pytest.raises(DataError, match=r'x has \d+ NaN or infinite values, the first .* missing = "keep"'):
            load_data(source)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3,\n")
    with pytest.raises(DataError, match='"b" has 1 missing values, the first in row 2; .*keep .* missing = "keep"'):
        load_data(tmp_path / "a.csv")
    # A source that no reader has looked at.
    source = dataclasses.replace(make_source("mine", WHOLE), x=HOLES.astype(np.float32))
    with pytest.raises(DataError, match=f"mine: x has {np.isnan(HOLES).sum()} missing values"):
        split_source(source)
    with pytest.raises(SpecError, match='missing: .*"keeps"; did you mean "keep"|unknown missing "keeps"'):
        load_data(WHOLE, missing="keeps")


def test_kept_values_are_split_as_ever():
    data, whole = kept(), load_data(WHOLE)
    for name in ("train", "validation", "test"):
        x, full = data.part(name).x, whole.part(name).x
        assert x.dtype == np.float32
        assert np.isnan(x).sum() > 0
        assert np.array_equal(x[~np.isnan(x)], full[~np.isnan(x)])
    assert np.isnan(np.concatenate([data.part(p).x for p in ("train", "validation", "test")])).sum() == (
        np.isnan(HOLES).sum()
    )
    assert data.missing
    assert not whole.missing
    assert kept(WHOLE).fingerprint == whole.fingerprint
    assert not load_data("digits", missing="keep").missing


def test_scale_and_extent_leave_missing_values_out():
    data = kept(scale="minmax")
    train = data.values(data.train.x)
    assert np.array_equal(np.isnan(train), np.isnan(data.train.x))
    assert np.nanmin(train, axis=0) == pytest.approx(np.zeros(4), abs=1e-5)
    assert np.nanmax(train, axis=0) == pytest.approx(np.ones(4), abs=1e-5)
    assert data.multiplier == pytest.approx(1 / (np.nanmax(data.train.x, axis=0) - np.nanmin(data.train.x, axis=0)))
    assert data.extent(data.train) == pytest.approx((0, 1), abs=1e-5)
    plain = kept()
    assert plain.extent(plain.test) == (np.nanmin(plain.test.x), np.nanmax(plain.test.x))


def test_a_column_that_only_another_part_misses():
    x = np.arange(40, dtype=float).reshape(20, 2)
    source = make_source("a", x, None, np.array([[np.nan, 5.0], [np.nan, 7.0]]), missing=True)
    data = split_source(source, scale="minmax", missing="keep")
    low, high = data.extent(data.test)
    assert (low, high) == pytest.approx(tuple(data.values(np.array([[0, 5.0], [0, 7.0]]))[:, 1]))


def test_the_card_says_how_much_is_missing():
    card = kept().card()
    train = kept().train.x
    assert card["mean"] == pytest.approx(float(np.nanmean(train.astype(np.float64))), rel=1e-6)
    assert card["missing"]["share"] == np.isnan(train).mean()
    assert card["missing"]["columns"] == {str(i): np.isnan(train[:, i]).mean() for i in (0, 1, 3)}
    assert "missing" not in load_data(WHOLE).card()
    assert kept(WHOLE).card()["missing"] == {"share": 0.0, "columns": {}}
    images = np.where(np.arange(400).reshape(100, 2, 2) % 8 == 3, np.nan, 1.5)
    card = kept(images).card()
    assert card["missing"] == {"share": np.isnan(kept(images).train.x).mean()}
    assert (card["mean"], card["range"]) == (1.5, [1.5, 1.5])
    json.dumps(card, allow_nan=False)


def test_the_fingerprint_knows_holes_but_not_their_bits():
    other = HOLES.copy()
    other[5, 2] = np.nan
    assert kept(other).fingerprint != kept().fingerprint
    strange = HOLES.astype(np.float32)
    strange[np.isnan(strange)] = np.array([0xFFC01234], np.uint32).view(np.float32)[0]
    assert strange.tobytes() != HOLES.astype(np.float32).tobytes()
    strange.setflags(write=False)
    assert kept(strange).fingerprint == kept().fingerprint


def test_csv_and_parquet_miss_the_same(tmp_path):
    names = list("abcd")
    pd.DataFrame(np.round(HOLES, 3), columns=names).to_csv(tmp_path / "a.csv", index=False)
    pd.DataFrame(np.round(HOLES, 3), columns=names).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame(np.round(HOLES, 3), columns=names).convert_dtypes().to_parquet(tmp_path / "b.parquet")
    np.save(tmp_path / "a.npy", np.round(HOLES, 3))
    np.savez(tmp_path / "a.npz", x=np.round(HOLES, 3))
    found = [kept(tmp_path / name) for name in ("a.csv", "a.parquet", "b.parquet", "a.npy", "a.npz")]
    assert len({d.fingerprint for d in found} | {kept(np.round(HOLES, 3)).fingerprint}) == 1
    assert list(found[0].card()["missing"]["columns"]) == ["a", "b", "d"]
    assert load_spec(found[0].spec).fingerprint == found[0].fingerprint


def test_what_counts_as_missing_in_a_cell(tmp_path):
    (tmp_path / "a.csv").write_text("a,b,c,d\n1,2,3,True\n,NA,n/a,\n?, ?,NaN,False\n5,6\n7,8,9,True\n1,1,1,False\n")
    text = (tmp_path / "a.csv").read_text().replace(",NA,n/a,\n", "2,NA,n/a,\n")
    (tmp_path / "a.csv").write_text(text)
    data = kept(tmp_path / "a.csv", validation=0.3)
    nan = np.nan
    rows = [[1, 2, 3, 1], [2, nan, nan, nan], [nan, nan, nan, 0], [5, 6, nan, nan], [7, 8, 9, 1], [1, 1, 1, 0]]
    found = np.concatenate([data.part(p).x for p in ("train", "validation", "test")])
    order = [np.lexsort(np.nan_to_num(np.float32(a), nan=-1).T) for a in (rows, found)]
    np.testing.assert_array_equal(found[order[1]], np.float32(rows)[order[0]])


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([[1, np.inf], [np.nan, 2]], r"x has 1 infinite values, the first at \(0, 1\)"),
        ([[1, 1e300], [np.nan, 2]], "x has 1 infinite values"),
        ([[1, 2.0], [np.nan, np.nan], [3, 4]] * 4, "x has 4 examples of which every value is missing, the first in ro"),
        ([[1, np.nan]] * 20, r"the value at \(1,\) is missing in every training example \(1 of 2 values are\)"),
        ([[[1, np.nan]]] * 20, r"the value at \(0, 1\) is missing in every training example"),
    ],
)
def test_what_cannot_be_kept(x, message):
    with pytest.raises(DataError, match=message):
        kept(np.array(x))


def test_labels_and_names_of_columns(tmp_path):
    (tmp_path / "a.csv").write_text("a,b,label\n" + "1,,0\n2,,1\n" * 20)
    with pytest.raises(DataError, match='column "b" is missing in every training example'):
        kept(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("a,label\n1,x\n2,\n")
    with pytest.raises(
        DataError, match='column "label" has 1 missing values, the first in row 2; fill or remove them$'
    ):
        kept(tmp_path / "a.csv")
    with pytest.raises(DataError, match="labels hold NaN"):
        from_arrays("a", HOLES, np.full(200, np.nan), spec=DataSpec(missing="keep"))


def test_a_model_that_needs_every_value_refuses_before_anything_is_compiled():
    data = kept()
    for model, good in (
        (latente.VAE(2, likelihood="gaussian"), False),
        (latente.VAE(2, likelihood="gaussian", missing=True), True),
    ):
        run = RunSpec("run", 0, model, TrainSpec(batch_size=16), data.spec)
        if good:
            check(run, data)
        else:
            with pytest.raises(
                SpecError, match=r"arrays has missing values, and a model with missing = false .*= true"
            ):
                check(run, data)
        check(run, kept(WHOLE))
