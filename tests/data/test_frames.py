"""Tables of four libraries become plain columns, and come back cell by cell with their data types."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from latente.data.frames import library_of, read_frame, write_frame
from latente.errors import DataError


def pandas_frame():
    return pd.DataFrame(
        {
            "int": [1, 2, 3],
            "Int": pd.array([1, None, 3], dtype="Int64"),
            "small": np.array([1, 2, 3], "uint8"),
            "float": [1.5, np.nan, 2],
            "single": np.array([1, 2, 0.1], "float32"),
            "arrow": pd.array([1, None, 2], dtype="int64[pyarrow]"),
            "bool": [True, False, True],
            "boolean": pd.array([True, None, False], dtype="boolean"),
            "objects": [True, None, False],
            "text": ["x", None, "y"],
            "string": pd.array(["a", None, "b"], dtype="string"),
            "mixed": ["a", 1, None],
            "ordered": pd.Categorical(["u", "v", None], categories=["v", "u", "w"], ordered=True),
            "numbers": pd.Categorical([3, 1, None]),
            "date": pd.to_datetime(["2020-01-01", None, "2020-02-01"]),
            "nano": pd.to_datetime(["2020-01-01", None, "2020-02-01"]).astype("datetime64[ns]"),
            "zone": pd.to_datetime(["2020-01-01", None, "2020-07-01"]).tz_localize("America/Sao_Paulo"),
            "duration": pd.to_timedelta([1, 2, None], unit="D"),
            "period": pd.period_range("2020-01", periods=3, freq="M"),
            "day": [datetime.date(2020, 1, 1), None, datetime.date(1960, 2, 29)],
        },
        index=list("xyz"),
    )


def polars_frame():
    when = datetime.datetime(2020, 1, 1, 12)
    return pl.DataFrame(
        {
            "int": [1, None, 3],
            "small": pl.Series([1, 2, None], dtype=pl.Int8),
            "float": [1.0, 2.5, None],
            "bool": [True, None, False],
            "text": ["x", None, "y"],
            "enum": pl.Series(["a", "b", None], dtype=pl.Enum(["b", "a"])),
            "category": pl.Series(["a", "b", None], dtype=pl.Categorical),
            "date": [datetime.date(2020, 1, 1), None, None],
            "when": [when, None, None],
            "zone": pl.Series([when, None, None]).dt.replace_time_zone("America/Sao_Paulo"),
            "duration": [datetime.timedelta(3), None, None],
        }
    )


def test_pandas_comes_back_the_same():
    given = pandas_frame()
    found = read_frame(given)
    assert (found.library, found.rows, found.named, found.names) == ("pandas", 3, True, tuple(given.columns))
    pd.testing.assert_frame_equal(write_frame(found.columns, "pandas", index=found.index), given)


def test_polars_and_arrow_come_back_the_same():
    given = polars_frame()
    found = read_frame(given)
    back = write_frame(found.columns, "polars")
    assert found.library == "polars" and back.schema == given.schema and back.equals(given)
    arrow = given.drop("enum", "category").to_arrow()
    back = write_frame(read_frame(arrow).columns, "pyarrow")
    assert library_of(arrow) == "pyarrow" and back.to_pylist() == arrow.to_pylist()


def test_the_values_of_a_column():
    found = {c.name: c for c in read_frame(pandas_frame()).columns}
    families = {"number": 7, "boolean": 3, "text": 5, "date": 5, "duration": 1}
    got = [c.family for c in found.values()]
    assert {f: got.count(f) for f in families} == families | {"number": 6}
    assert np.array_equal(found["Int"].values, [1, np.nan, 3], equal_nan=True)
    assert found["zone"].values[0] == datetime.datetime(2020, 1, 1, 3).replace(tzinfo=datetime.UTC).timestamp() * 1e6
    assert found["duration"].values[1] == 2 * 86400e6
    assert found["ordered"].categories == ("v", "u", "w") and found["ordered"].ordered
    assert list(found["mixed"].values) == ["a", 1, None] and list(found["mixed"].missing) == [False, False, True]


def test_from_one_library_to_another():
    other = write_frame(read_frame(pandas_frame().drop(columns=["numbers", "mixed"])).columns, "polars")
    assert other["ordered"].to_list() == ["u", "v", None] and other["ordered"].dtype == pl.Enum(["v", "u", "w"])
    assert other["zone"].dtype == pl.Datetime("us", "America/Sao_Paulo") and other["Int"].to_list() == [1, None, 3]
    back = write_frame(read_frame(polars_frame()).columns, "pandas")
    assert back["int"].dtype == "Int64" and list(back["enum"].cat.categories) == ["b", "a"]
    assert back["when"].iloc[0] == pd.Timestamp("2020-01-01 12:00")


def test_arrays():
    whole = np.arange(6).reshape(2, 3)
    found = read_frame(whole)
    assert found.names == ("x0", "x1", "x2") and not found.named and found.library == "numpy"
    assert write_frame(found.columns, "numpy").dtype == whole.dtype
    objects = np.array([[1, "a", None], [2.5, None, datetime.date(2020, 1, 1)]], dtype=object)
    found = read_frame(objects)
    assert [c.family for c in found.columns] == ["number", "text", "date"]
    assert (write_frame(found.columns, "numpy") == objects).all()
    holes = write_frame(read_frame([[1.0, None], [2.0, 3.0]]).columns, "numpy", dtype="float64")
    assert np.array_equal(holes, [[1, np.nan], [2, 3]], equal_nan=True)


@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        (sparse.csr_matrix(np.eye(3)), TypeError, "dense data is required"),
        (np.zeros(3), ValueError, "Expected 2D array, got 1D array instead"),
        (np.zeros((2, 2, 2)), ValueError, "Found array with dim 3"),
        (np.zeros((0, 3)), ValueError, r"0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1 is required"),
        (pd.DataFrame(index=[0, 1]), ValueError, r"0 feature\(s\) \(shape=\(2, 0\)\) while a minimum of 1"),
        (np.array([[1j, 2]]), ValueError, "Complex data not supported"),
        (np.array([[1, np.inf]]), ValueError, "Input X contains infinity"),
        (pd.DataFrame({"a": [1.0, -np.inf]}), ValueError, "Input X contains infinity"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), DataError, "more than one column called a"),
        (pd.DataFrame([[1, 2]], columns=["a", 1]), TypeError, "all input features have string names"),
        (np.array([[{}, 1]], dtype=object), TypeError, "argument must be a string or a number"),
        ([[1, 2], [3]], DataError, "rows of one length"),
    ],
)
def test_what_is_refused(table, error, words):
    with pytest.raises(error, match=words):
        read_frame(table)


def test_an_unknown_library_is_named():
    with pytest.raises(DataError, match='did you mean "polars"'):
        write_frame(read_frame(np.eye(2)).columns, "polar")
