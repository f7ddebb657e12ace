"""Condition columns: taken out of x, standardised by the training part or made zeros and a one."""

import json

import numpy as np
import pandas as pd
import pytest

from latente.data.load import load_data, load_spec
from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import DataError, SpecError
from latente.spec import DataSpec, as_dict, build

RNG = np.random.default_rng(1)
N = 120
FRAME = pd.DataFrame(
    {
        "a": np.round(RNG.normal(size=N), 3),
        "age": RNG.integers(18, 90, N),
        "b": np.round(RNG.normal(size=N), 3),
        "sex": RNG.choice(["m", "f", "x"], N),
        "label": np.arange(N) % 2,
        "born": 1.6e9 + np.arange(N),
    }
)
PARTS = ("train", "validation", "test")


@pytest.fixture(params=["a.csv", "a.parquet"])
def path(tmp_path, request):
    if request.param == "a.csv":
        FRAME.to_csv(tmp_path / "a.csv", index=False)
    else:
        FRAME.to_parquet(tmp_path / "a.parquet")
    return tmp_path / request.param


def test_columns_become_the_context(path):
    data = load_data(path, condition=["sex", "age", "born"])
    assert data.columns == ("sex=f", "sex=m", "sex=x", "age", "born")
    assert [c.name for c in data.features] == ["a", "b"]
    plain = load_data(pd.DataFrame(FRAME[["a", "b"]]).to_numpy(), seed=42)
    rows = {(np.float32(a), np.float32(b)): i for i, (a, b) in enumerate(FRAME[["a", "b"]].to_numpy())}
    index = {p: [rows[tuple(r)] for r in data.part(p).x] for p in PARTS}
    assert sorted(i for found in index.values() for i in found) == list(range(N))
    age, born = (FRAME[c].to_numpy(np.float64) for c in ("age", "born"))
    for p in PARTS:
        context = data.part(p).context
        assert context.dtype == np.float32
        assert np.array_equal(context[:, :3], FRAME["sex"].to_numpy()[index[p], None] == np.array(["f", "m", "x"]))
        for j, v in ((3, age), (4, born)):
            known = v[index["train"]]
            assert context[:, j] == pytest.approx((v[index[p]] - known.mean()) / known.std(), abs=1e-6)
    assert data.train.context[:, 3:].mean(axis=0) == pytest.approx([0, 0], abs=1e-6)
    assert data.train.context[:, 3:].std(axis=0) == pytest.approx([1, 1], abs=1e-6)
    # The split is that of the labels, whatever is set aside.
    labels = FRAME["label"].to_numpy()
    same = split_source(make_source("a", np.arange(N)[:, None], labels))
    assert index["test"] == same.test.x[:, 0].tolist()
    assert data.fingerprint != plain.fingerprint


def test_the_card_and_the_spec_hold_them(path):
    data = load_data(path, condition=["age", "sex"])
    card = json.loads(json.dumps(data.card()))
    assert card["columns"] == ["age", "sex=f", "sex=m", "sex=x"]
    assert card["features"] == ["a", "b", "born"]
    assert card["conditions"]["sex"] == ["f", "m", "x"]
    assert card["conditions"]["age"]["mean"] == data.conditions[0].mean
    assert card["shape"] == [3]
    assert "columns" not in load_data(path.parent / path.name, scale="none").card()
    spec = build(DataSpec, json.loads(json.dumps(as_dict(data.spec))), "data")
    assert spec == data.spec
    again = load_spec(spec)
    assert again.fingerprint == data.fingerprint
    assert np.array_equal(again.test.context, data.test.context)
    others = [load_data(path, condition=c).fingerprint for c in (["sex", "age"], ["sex"], ["born", "sex"])]
    assert len({data.fingerprint, *others}) == 4


def test_raw_values_are_brought_to_the_context(path):
    data = load_data(path, condition=["age", "sex"])
    known = data.conditions[0]
    found = data.given([[known.mean, "f"], [known.mean + 2 * known.sd, "x"]])
    assert found == pytest.approx(np.array([[0, 1, 0, 0], [2, 0, 0, 1]]), abs=1e-6)
    assert found.dtype == np.float32
    for rows, message in (
        ([[45]], r"got \[45\] in row 1; allowed: one value each of age, sex"),
        ([[45, "f"], "ab"], "got 'ab' in row 2"),
        ([[45, "female"]], 'unknown sex "female"; Allowed: f, m, x|unknown sex "female"; did you mean'),
        ([["old", "f"]], "age: got 'old'; allowed: a finite number"),
        ([[np.nan, "f"]], "age: got nan; allowed: a finite number"),
    ):
        with pytest.raises(DataError, match=message):
            data.given(rows)


def test_a_column_called_label_can_be_a_condition(path):
    data = load_data(path, condition="label", scale="none")
    assert (data.classes, data.train.y, data.columns) == ((), None, ("label",))
    assert np.unique(data.train.context).shape == (2,)


def test_arrays_by_position(tmp_path):
    x = RNG.normal(size=(50, 4))
    x[:, 3] = 7
    np.savez(tmp_path / "a.npz", x_train=x[:40], x_test=x[40:])
    np.save(tmp_path / "a.npy", x)
    data = load_data(tmp_path / "a.npz", condition=[3, 1])
    assert data.columns == ("3", "1")
    assert np.array_equal(data.test.x, np.float32(x[40:, [0, 2]]))
    assert [c.name for c in data.features] == ["0", "2"]
    order = [np.flatnonzero(np.float32(x[:, 0]) == v)[0] for v in data.train.x[:, 0]]
    wanted = (x[40:, 1] - x[order, 1].mean()) / x[order, 1].std()
    assert data.test.context[:, 1] == pytest.approx(wanted, abs=1e-6)
    # A column that never varies says nothing.
    assert (data.test.context[:, 0] == 0).all()
    assert data.conditions[0].sd == 1
    assert load_data(tmp_path / "a.npy", condition=1).fingerprint == load_data(x, condition=[1]).fingerprint
    # Of what is kept, the names stay those of the whole.
    x[3, 2] = np.nan
    card = load_data(x, condition=[0], missing="keep", test=0.1).card()
    assert set(card["missing"]["columns"]) <= {"2"}
    bits = load_data(np.arange(80, dtype=np.uint8).reshape(20, 4), condition=[0])
    assert bits.train.x.dtype == np.uint8
    assert bits.shape == (3,)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (["ages"], 'a.csv: condition: unknown column "ages"; did you mean "age"'),
        ([1], "condition: got 1; allowed: names of columns, a, age, b, sex, label, born"),
        (["a", "age", "b", "sex", "born"], "has no column of numbers"),
    ],
)
def test_what_a_table_does_not_have(tmp_path, condition, message):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match=message):
        load_data(tmp_path / "a.csv", condition=condition)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["1", "2 kg"] * 20, 'column "c" holds "2 kg"; allowed: numbers, or text of which nothing is a number'),
        (["1,5", "2,5"] * 20, 'column "c" holds "1,5"'),
        ([f"k{i}" for i in range(60)], 'column "c" holds 60 different texts; allowed: at most 50; group or remove it'),
        (["a", None] * 20, 'column "c" has 20 missing values, the first in row 2; fill or remove them$'),
        ([1.0, np.nan] * 20, 'column "c" has 20 missing values'),
        ([1.0, np.inf] * 20, 'column "c" holds infinite values'),
        (pd.date_range("2020", periods=20), 'column "c" holds dates'),
    ],
)
def test_columns_that_cannot_be_conditions(tmp_path, column, message):
    pd.DataFrame({"a": np.arange(len(column)), "c": column}).to_parquet(tmp_path / "a.parquet")
    for missing in ("refuse", "keep"):
        with pytest.raises(DataError, match=message):
            load_data(tmp_path / "a.parquet", condition=["c"], missing=missing)


def test_what_has_no_columns():
    for source, condition, message in (
        ("digits", ["age"], r"digits: condition: got \['age'\], and it has no columns to set aside"),
        (np.zeros((20, 3)), ["age"], "condition: got 'age'; allowed: positions of columns, 0 to 2"),
        (np.zeros((20, 3)), [3], "condition: got 3; allowed: positions of columns, 0 to 2"),
        (np.zeros((20, 3)), [0, 1, 2], r"got x of shape \(20, 3\) .*at least one column that is no condition"),
        (np.zeros((20, 3, 3)), [0], r"got x of shape \(20, 3, 3\)"),
        (np.full((20, 3), np.nan), [0], "NaN or infinite values in columns to condition on"),
    ):
        with pytest.raises(DataError, match=message):
            load_data(source, condition=condition, missing="keep")


@pytest.mark.parametrize("condition", [[""], [True], [1.5], [-1], ["a", "a"], 2.0, None, [["a"]]])
def test_conditions_that_mean_nothing(condition):
    with pytest.raises(SpecError, match="condition: got .*; allowed: different names of columns"):
        load_data("digits", condition=condition)


def test_one_alone_needs_no_list():
    assert DataSpec(condition="age").condition == ("age",)
    assert DataSpec(condition=3).condition == (3,)
    assert DataSpec(condition=["age", "sex"]).condition == ("age", "sex")
