"""CSV and Parquet tables: numbers, at most one column of labels, and an error that names the column."""

import gzip
import sys

import numpy as np
import pandas as pd
import pytest

from latente.data.files import read
from latente.errors import DataError

A = np.round(np.random.default_rng(0).normal(size=(30, 6)), 4)
X = A.astype(np.float32)
Y = np.arange(30) % 3


def table(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def error_of(path, match):
    with pytest.raises(DataError, match=match) as error:
        read(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.CSV", "a.tsv", "a.parquet", "a.pq"])
@pytest.mark.parametrize("label", ["label", "Labels", "CLASS", "target", "y", " y ", None])
def test_a_table_gives_the_same_numbers(tmp_path, name, label):
    frame = pd.DataFrame(A, columns=list("abcdef"))
    if label:
        frame.insert(2, label, Y)
    if "csv" in name.lower() or name == "a.tsv":
        frame.to_csv(tmp_path / name, index=False, sep="\t" if name == "a.tsv" else ",")
    else:
        frame.to_parquet(tmp_path / name)
    s = read(tmp_path / name)
    assert s.x.dtype == np.float32
    assert np.array_equal(s.x, X)
    assert s.y is None if label is None else s.y.tolist() == Y.tolist()
    assert s.classes == (() if label is None else ("0", "1", "2"))
    assert (s.name, s.x_test) == ("a", None)


def test_packed_without_saying_so(tmp_path):
    (tmp_path / "a.csv").write_bytes(gzip.compress(b"1,2\n3,4\n"))
    assert read(tmp_path / "a.csv").x.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("1,2", [[1, 2]]),
        ("1\n2\n", [[1], [2]]),
        ("0,1\n1,0\n", [[0, 1], [1, 0]]),
        ("\n\n1;2\r\n3;4\r\n", [[1, 2], [3, 4]]),
        ("1\t-2e3\n3\t4\n", [[1, -2000], [3, 4]]),
        ("\ufeff1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("a,b\n1,2\n", [[1, 2]]),
        ("\ufeffa,b\n1,2\n", [[1, 2]]),
        ('"a, or ""b""","c"\n"1","2"\n', [[1, 2]]),
        ("x, 2020, 2021\n5, 1, 2\n", [[5, 1, 2]]),
        ("0,1,2,3,4\n5,5,5,5,5\n", [[5, 5, 5, 5, 5]]),
        (",0,1\n0,5,6\n1,7,8\n", [[5, 6], [7, 8]]),
        (",a,b\n0,5,6\n1,7,8\n", [[5, 6], [7, 8]]),
        (",a,b\n3,5,6\n7,7,8\n", [[5, 6], [7, 8]]),
        ("a,b\nTrue,0\nFalse,1\n", [[1, 0], [0, 1]]),
    ],
)
def test_with_a_line_of_names_or_without(tmp_path, text, rows):
    s = read(table(tmp_path / "a.csv", text))
    assert s.x.tolist() == rows
    assert s.y is None


def test_labels_among_numbered_columns(tmp_path):
    s = read(table(tmp_path / "a.csv", "label,0,1\n7,5,6\n3,7,8\n"))
    assert s.x.tolist() == [[5, 6], [7, 8]]
    assert [s.classes[i] for i in s.y] == ["7", "3"]


@pytest.mark.parametrize(
    ("column", "classes"),
    [
        (["é", "b", "é"], ("b", "é")),
        ([10, 2, 10], ("2", "10")),
        ([1.5, 2, 1.5], ("1.5", "2.0")),
        ([True, False, True], ("False", "True")),
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_labels_of_every_kind(tmp_path, column, classes, name):
    frame = pd.DataFrame({"a": [1, 2, 3], "class": column})
    frame.to_csv(tmp_path / name, index=False) if name == "a.csv" else frame.to_parquet(tmp_path / name)
    s = read(tmp_path / name)
    assert s.classes == classes
    assert s.y.tolist() == [np.unique(column).tolist().index(v) for v in column]


def test_parquet_of_other_types(tmp_path):
    frame = pd.DataFrame(
        {
            "a": pd.array([1, 2, 3], "Int64"),
            "b": pd.array([0.5, 1, 2], "Float32"),
            "c": np.array([1, 2, 255], np.uint8),
            "label": pd.Categorical(["v", "u", "v"]),
        },
        index=[7, 8, 9],
    )
    frame.to_parquet(tmp_path / "a.parquet")
    s = read(tmp_path / "a.parquet")
    assert s.x.tolist() == [[1, 0.5, 1], [2, 1, 2], [3, 2, 255]]
    assert s.x.dtype == np.float32
    assert (s.y.tolist(), s.classes) == ([1, 0, 1], ("u", "v"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3,\n", 'column "b" has 1 missing values, the first in row 2; fill or remove them'),
        ("a,b\nNA,2\n,4\n", 'column "a" has 2 missing values, the first in row 1'),
        ("1,2\n3\n", 'column "2" has 1 missing values'),
        ("a,label\n1,x\n2,\n", 'column "label" has 1 missing values'),
        ("1,\n,2\n", 'column "1" has 1 missing values, the first in row 2'),
        (",2\n1,2\n", 'column "1" has 1 missing values, the first in row 1'),
        ("a,b\n1,x\n2,y\n", 'column "b" holds "x"; allowed: numbers, and one column of labels called label or'),
        ("a,b\n1,2\n2,3\n3,4 kg\n", 'column "b" holds "4 kg"'),
        ("a;b\n1;2,5\n2;3,5\n", 'column "b" holds "2,5"'),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n", 'column "3" holds "setosa"'),
        ("a,b\n1,inf\n", r"x has 1 NaN or infinite values, the first at \(0, 1\)"),
        ("a,b\n1,1e99\n", "x has 1 NaN or infinite values"),
        ("a,b\n", "has 0 rows and 2 columns; at least one each is needed"),
        ("", "is empty; a table of at least one row is needed"),
        ("\n \n", "is empty"),
        ("label\n1\n2\n", r"has no column of numbers \(label\)"),
        (
            "y,label,a\n1,2,3\n",
            'both "y" and "label" could be the labels; say which .labels = "y"., or rename or remove one',
        ),
        ("a,b\n1,2\n3,4,5\n", "cannot be read"),
        ("a,b\n1,2,3\n4,5,6\n", "cannot be read"),
        ('a,b\n1,"2\n', "cannot be read"),
    ],
)
def test_what_is_refused(tmp_path, text, message):
    error_of(table(tmp_path / "a.csv", text), f"a.csv: {message}")


def test_text_that_is_no_text(tmp_path):
    for content in (b"\xff\xfe\x00a", b"a,b\n1,\xe9\n", b"\x00\x01\x02"):
        (tmp_path / "a.csv").write_bytes(content)
        error_of(tmp_path / "a.csv", "a.csv: ")


def test_parquet_that_holds_no_numbers(tmp_path):
    path = tmp_path / "a.parquet"
    for column, message in (
        (pd.date_range("2020", periods=2), 'column "b" holds dates'),
        (["x", "y"], 'column "b" holds "x"'),
        (["1", "2"], 'column "b" holds numbers written as text'),
        ([[1, 2], [3, 4]], r'column "b" holds "\[1 2\]"'),
        ([1.0, None], 'column "b" has 1 missing values, the first in row 2'),
        (pd.array([1, None], "Int64"), 'column "b" has 1 missing values'),
    ):
        pd.DataFrame({"a": [1, 2], "b": column}).to_parquet(path)
        error_of(path, message)
    pd.DataFrame({"a": [1.0, 2.0]}).to_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    error_of(path, "cannot be read .*; it is damaged, cut short or in another format")


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    pd.DataFrame({"a": [1.0]}).to_parquet(tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    error_of(tmp_path / "a.parquet", r"needs pyarrow; pip install latente\[parquet\]")
