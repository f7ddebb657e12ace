"""What columns are found to be, that decode undoes encode for every kind, and that drift is named."""

import dataclasses
import json
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from latente.data.table_schema import DriftWarning, TableSchema, learn
from latente.errors import DataError, SpecError

N = 300


def mixed_table(seed=0, rows=N):
    r = np.random.default_rng(seed)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(r.integers(0, 900, rows), unit="D")
    table = pd.DataFrame(
        {
            "key": [f"u{i}" for i in range(rows)],
            "row": np.arange(rows) + 5,
            "customer_id": r.permutation(10**6)[:rows],
            "note": [f"text {i % (rows - 20)}" for i in range(rows)],
            "never": np.nan,
            "always": 7,
            "height": r.normal(size=rows),
            "price": np.round(r.lognormal(2, 1.5, rows), 2),
            "gain": np.where(r.random(rows) < 0.9, 0, r.lognormal(8, 2, rows)),
            "single": np.round(r.normal(size=rows), 1).astype("float32"),
            "seconds": 1.7e9 + r.normal(size=rows) * 50,
            "age": r.integers(18, 91, rows),
            "hundreds": r.integers(0, 300, rows) * 100,
            "nullable": pd.array(r.integers(100, 900, rows), dtype="Int64"),
            "visits": r.poisson(3, rows) * r.integers(1, 12, rows),
            "gaps": r.choice([5, 10, 20, 50, 100, 1000], rows),
            "sex": r.choice(["f", "m"], rows),
            "yes": r.random(rows) < 0.3,
            "perhaps": pd.array(r.random(rows) < 0.3, dtype="boolean"),
            "city": r.choice(["a", "b", "c", "d"], rows),
            "string": pd.array(r.choice(["p", "q", "r"], rows), dtype="string"),
            "colour": pd.Categorical(
                r.choice(["red", "blue", "green"], rows), categories=["red", "blue", "green", "x"]
            ),
            "size": pd.Categorical(r.choice(["S", "M", "L"], rows), categories=["S", "M", "L", "XL"], ordered=True),
            "day": days,
            "written": days.strftime("%Y-%m-%d"),
            "lasted": pd.to_timedelta(r.integers(0, 900, rows), unit="h"),
        }
    )
    table["written"] = table["written"].astype(object)
    for name in ("height", "price", "nullable", "perhaps", "sex", "city", "size", "day", "written", "string"):
        table.loc[r.random(rows) < 0.1, name] = None
    return table


KINDS = {
    "key": "left out", "row": "left out", "customer_id": "left out", "note": "left out", "never": "constant",
    "always": "constant", "height": "real", "price": "positive", "gain": "real", "single": "real",
    "seconds": "positive", "age": "integer", "hundreds": "integer", "nullable": "integer", "visits": "count",
    "gaps": "ordinal", "sex": "binary", "yes": "binary", "perhaps": "binary", "city": "categorical",
    "string": "categorical", "colour": "categorical", "size": "ordinal", "day": "date", "written": "date",
    "lasted": "date",
}  # fmt: skip
TOLERANCE = {"height": 1e-6, "gain": 1e-4, "seconds": 1e-9}
"""Relative, where single precision shows; every other column comes back exactly."""


@pytest.fixture(scope="module")
def table():
    return mixed_table()


@pytest.fixture(scope="module")
def schema(table):
    return learn(table)


def test_every_kind_is_found_and_said(schema):
    assert {c.name: c.kind for c in schema.columns} == KINDS
    said = dict(schema.summary())
    assert said["row"] == "left out: whole numbers that number the rows"
    assert said["key"] == f"left out: {N} different texts in {N} rows, which name the rows"
    assert said["customer_id"].startswith("left out: called customer_id")
    assert said["always"].startswith("constant: always 7") and said["never"].startswith("constant: always missing")
    assert "quantile transform, for the kurtosis of" in said["gain"]
    assert said["size"].startswith("ordinal: 3 categories in order, S, M, L; ") and said["size"].endswith("% missing")
    assert schema.missing and len(schema.modelled) == len(KINDS) - 6


def test_decode_undoes_encode(schema, table):
    encoded = schema.encode(table)
    assert encoded.dtype == np.float32 and encoded.shape == (N, len(schema.modelled))
    back = schema.decode(encoded, like=table)
    assert list(back) == [n for n, kind in KINDS.items() if kind != "left out"]
    for name in back:
        pd.testing.assert_series_equal(back[name], table[name], rtol=TOLERANCE.get(name, 1e-15), atol=0)
        assert np.array_equal(np.isnan(schema.encode(table)), np.isnan(encoded))


def test_encoded_values(schema, table):
    encoded = dict(zip([c.name for c in schema.modelled], schema.encode(table).T, strict=True))
    assert np.array_equal(encoded["age"], table["age"])
    assert np.array_equal(encoded["gaps"], table["gaps"].map({5: 0, 10: 1, 20: 2, 50: 3, 100: 4, 1000: 5}))
    assert np.array_equal(encoded["size"], table["size"].cat.codes.replace(-1, np.nan), equal_nan=True)
    assert np.array_equal(encoded["colour"], table["colour"].map({"red": 0, "blue": 1, "green": 2}).astype(float))
    assert encoded["day"][~np.isnan(encoded["day"])].std() == pytest.approx(1, rel=1e-6)
    kinds = dict(zip(encoded, schema.likelihood()["columns"], strict=True))
    assert (kinds["age"], kinds["visits"], kinds["sex"]) == ("real", "count:negative-binomial", "binary")
    assert kinds["city"] == "categorical:4" and kinds["colour"] == "categorical:3" and kinds["day"] == "real"


def test_json_brings_it_back(schema, table):
    again = TableSchema.from_table(json.loads(json.dumps(schema.table(), allow_nan=False)))
    assert again == schema and again.summary() == schema.summary()
    assert np.array_equal(again.encode(table), schema.encode(table), equal_nan=True)
    for damaged in (
        {},
        {"version": 99},
        schema.table() | {"columns": [{"kind": "x"}]},
        [],
        schema.table() | {"columns": 3},
    ):
        with pytest.raises(DataError, match="damaged|of version 99"):
            TableSchema.from_table(damaged)


def test_numbers_are_brought_into_bounds(schema):
    wild = np.random.default_rng(0).normal(size=(200, len(schema.modelled))) * 1e4
    found = schema.decode(wild)
    given = mixed_table()
    for name in found.columns.intersection(["price", "gain", "age", "nullable", "visits", "day", "lasted", "height"]):
        assert found[name].min() >= given[name].min() and found[name].max() <= given[name].max()
    assert (found["hundreds"] % 100 == 0).all() and set(found["gaps"]) <= {5, 10, 20, 50, 100, 1000}
    assert found.dtypes.equals(given[list(found)].dtypes)
    loose = schema.decode(wild, snap=False)
    assert loose["age"].dtype == float and (loose["age"] % 1 != 0).any() and set(loose["city"]) <= {*"abcd"}


def test_missing_values_have_a_place_in_every_type(schema):
    found = schema.decode(np.full((2, len(schema.modelled)), np.nan))
    assert found.drop(columns="always").isna().all(axis=None)
    assert found["nullable"].dtype == "Int64" and found["age"].dtype == float and found["yes"].dtype == object
    assert list(found["always"]) == [7, 7]


def test_other_libraries(table):
    whole = pl.from_pandas(table.drop(columns=["size", "colour"]))
    found = learn(whole)
    wanted = {n: k for n, k in KINDS.items() if n not in ("size", "colour")}
    assert {c.name: c.kind for c in found.columns} == wanted
    back = found.decode(found.encode(whole))
    exact = [n for n in back.columns if n not in TOLERANCE]
    assert back.schema == whole.select(back.columns).schema and back.select(exact).equals(whole.select(exact))
    x = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")
    found = learn(x)
    assert np.array_equal(found.encode(x), x) and found.decode(x).dtype == np.float32
    assert np.array_equal(found.decode(found.encode(x.astype("float64"))), x)


def test_arrays_keep_their_columns_and_numbers():
    """Nothing numeric is left out of an array, whose columns have no names; constants keep their place."""
    x = np.stack([np.arange(40), np.full(40, 3), np.arange(40) % 2], axis=1)
    found = learn(x)
    assert [c.kind for c in found.columns] == ["count", "constant", "binary"]
    assert np.array_equal(found.decode(found.encode(x)), x) and found.decode(found.encode(x)).dtype == x.dtype
    objects = np.array([[f"n{i}", i % 3, "ab"[i % 2]] for i in range(40)], dtype=object)
    back = learn(objects).decode(learn(objects).encode(objects))
    assert list(back[:, 0]) == [None] * 40 and (back[:, 1:] == objects[:, 1:]).all()


def test_drift_is_named_in_one_line(schema, table):
    other = table.iloc[:, ::-1].assign(new=1).astype({"age": str})
    other.loc[3, "city"], other.loc[4, "gaps"], other.loc[5, "visits"], other.loc[2, "always"] = "zz", 900, -2, 8
    with pytest.warns(DriftWarning) as found:
        encoded = schema.encode(other)
    said = str(found[0].message)
    assert len(found) == 1 and "\n" not in said
    for words in (
        "the columns stand in another order, lasted, written",
        "columns that were not in fit are ignored: new",
        "age was int64 and is str",
        "city has cells that fit did not see, which are taken as missing: 1 (zz)",
        "gaps has numbers that it cannot hold, each taken as the nearest that it can: 1 (900)",
        "visits has numbers that it cannot hold, each taken as the nearest that it can: 1 (-2)",
        "always was always 7, and now has other cells, which the model does not see: 1 (8)",
    ):
        assert words in said
    encoded = dict(zip([c.name for c in schema.modelled], encoded.T, strict=True))
    assert np.isnan(encoded["city"][3]) and encoded["gaps"][4] == 5 and encoded["visits"][5] == 0
    assert np.array_equal(encoded["age"], table["age"])
    assert len(schema.drift(other)) == 7 and schema.drift(table) == ()
    with pytest.raises(DataError, match="city has cells that fit did not see"):
        schema.encode(table.assign(city="zz"), unseen="error")


def test_what_cannot_be_read_is_refused(schema, table):
    for other, words in (
        (table.drop(columns=["age", "sex"]), "X lacks columns that fit saw: age, sex"),
        (table.assign(age="old"), 'column "age" was int64 .integer. and is str now'),
        (table.assign(day="soon"), 'column "day" was datetime64'),
        (np.eye(3), "X has 3 features, but 26 are expected"),
    ):
        with pytest.raises(DataError, match=words):
            schema.encode(other)
    with pytest.raises(SpecError, match="unknown option of unseen"):
        schema.encode(table, unseen="drop")
    with pytest.raises(DataError, match=r"allowed: \(rows, 20\)"):
        schema.decode(np.zeros((3, 2)))


def test_left_out_columns_may_be_absent(schema, table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        short = schema.encode(table.drop(columns=["key", "row", "customer_id", "note"]))
    assert np.array_equal(short, schema.encode(table), equal_nan=True)


@pytest.mark.parametrize(
    ("kinds", "name", "words"),
    [
        ({"age": "categorical"}, "age", "categorical:"),
        ({"gaps": "integer"}, "gaps", "real"),
        ({"gaps": "categorical"}, "gaps", "categorical:6"),
        ({"visits": "real"}, "visits", "real"),
        ({"row": "integer"}, "row", "real"),
        ({"key": "categorical"}, "key", f"categorical:{N}"),
        ({"gaps": "count"}, "gaps", "count:negative-binomial"),
    ],
)
def test_kinds_can_be_said(table, kinds, name, words):
    found = learn(table[[name, "height"]], kinds=kinds)
    assert found.columns[0].kind == kinds[name] and found.columns[0].likelihood.startswith(words)
    back = found.decode(found.encode(table[[name, "height"]]))
    assert back[name].equals(table[name])


def test_integers_with_gaps_come_back_as_values_that_occur(table):
    found = learn(table[["gaps", "height"]], kinds={"gaps": "integer"})
    back = found.decode(np.stack([np.linspace(-100, 2000, 500), np.zeros(500)], axis=1))
    assert set(back["gaps"]) == {5, 10, 20, 50, 100, 1000}


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ({"agee": "real"}, 'did you mean "age"'),
        ({"age": "nominal"}, 'unknown kind of column "age"'),
        ({"sex": "real"}, 'got kind "real" for texts, f, m'),
        ({"city": "binary"}, 'got kind "binary" for 4 different values'),
        ({"city": "ordinal"}, "whose order is not known"),
        ({"city": "date"}, "dates written like 2024-12-31"),
        ({"height": "count"}, 'got kind "count" for numbers such as'),
        ({"height": "positive"}, "allowed: above 0"),
        ({"age": "date"}, 'got kind "date" for numbers'),
        ({"day": "real"}, 'got kind "real" for dates'),
        ({"age": "constant"}, 'got kind "constant"'),
    ],
)
def test_kinds_that_do_not_fit_are_refused(table, kinds, words):
    with pytest.raises(DataError, match=words):
        learn(table, kinds=kinds)


def test_ignored_columns_and_tables_of_nothing(table):
    found = learn(table[["age", "sex"]], ignore="sex")
    assert [c.kind for c in found.columns] == ["integer", "left out"] and list(found.decode([[30.0]])) == ["age"]
    with pytest.raises(DataError, match="unknown column"):
        learn(table, ignore=["sexx"])
    with pytest.raises(DataError, match="no column is left to learn from: always"):
        learn(table[["always", "row"]])
    with pytest.raises(DataError, match="n_samples=1"):
        learn(table[["age"]].head(1))


def test_zones_and_mixed_objects_come_back():
    r = np.random.default_rng(0)
    when = pd.Timestamp("2020-01-01", tz="America/Sao_Paulo") + pd.to_timedelta(r.integers(0, 10**6, 60), unit="s")
    values = np.array([1, "1", "z"], dtype=object)[r.integers(0, 3, 60)]
    given = pd.DataFrame({"when": when, "odd": values, "month": pd.period_range("1960-01", periods=60, freq="M")})
    found = learn(given)
    pd.testing.assert_frame_equal(found.decode(found.encode(given), like=given), given)


def test_holes_are_columns_of_their_own_and_come_back(table):
    given = table[["height", "sex", "nullable", "age"]].assign(flag=np.where(np.arange(N) % 3, 7.0, np.nan))
    found = dataclasses.replace(learn(given), holes=True)
    names = [c.name for c in found.modelled]
    assert names[:4] == list(given)[:4] and names[4:] == [
        f"{n} is missing" for n in ("height", "sex", "nullable", "flag")
    ]
    encoded = found.encode(given)
    assert np.array_equal(encoded[:, 4:], given.drop(columns="age").isna())
    assert found.likelihood()["columns"][4:] == ["binary"] * 4
    filled = np.where(np.isnan(encoded), 0, encoded)
    back = found.decode(filled, like=given)
    assert back.isna().equals(given.isna()) and back["nullable"].dtype == "Int64"
    pd.testing.assert_frame_equal(found.decode(encoded, like=given), given, rtol=1e-6)
    assert TableSchema.from_table(json.loads(json.dumps(found.table()))) == found
