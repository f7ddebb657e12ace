"""CSV and Parquet tables: numbers, at most one column of labels, and an error that names the column."""

import sys

import numpy as np
import pandas as pd
import pytest
from madefiles import error_of, write

from latente.data.files import read
from latente.data.load import load_data
from latente.data.source import DataColumn
from latente.data.tables import rows_of
from latente.errors import DataError, SpecError
from latente.spec import DataSpec

A = np.round(np.random.default_rng(0).normal(size=(30, 6)), 4)
X = A.astype(np.float32)
Y = np.arange(30) % 3


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
        ("a,b\n1,2,3\n4,5,6\n", "its rows have more cells than the 2 of the first line; name every column"),
        ('a,"b\x1b[2J"\n1,"x\ny"\n', r'column "b\\x1b\[2J" holds "x y"'),
        ('a,b\n1,"2\n', "cannot be read"),
    ],
)
def test_what_is_refused(tmp_path, text, message):
    error_of(write(tmp_path / "a.csv", text), f"a.csv: {message}")


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


def said(data):
    """The keys of the notes, with the option that decides otherwise."""
    return [(note.key, note.option) for note in data.notes]


@pytest.mark.parametrize(
    ("text", "options", "features", "classes", "notes"),
    [
        (",a,b\n{i},{n},{n}", {}, ["a", "b"], (), [("index", "index = false")]),
        (",a,b\nr{i},{n},{n}", {}, ["a", "b"], (), [("index", "index = false")]),
        (
            ",a,b\n{i},{n},{n}",
            {"index": False},
            ["Unnamed: 0", "a", "b"],
            (),
            [("unnamed", ""), ("counter", 'index = "Unnamed: 0"')],
        ),
        (",a,b\n{m},{n},{n}", {}, ["Unnamed: 0", "a", "b"], (), [("unnamed", "")]),
        (",a,b\n{n},{n},{n}", {}, ["Unnamed: 0", "a", "b"], (), [("unnamed", "")]),
        ("id,a\n{i},{n}", {}, ["id", "a"], (), [("counter", 'index = "id"')]),
        ("id,who,a\n{i},r{i},{n}", {"index": ["id", "who"]}, ["a"], (), []),
        ("who,a\nr{i},{n}", {"scale": "none"}, ["who", "a"], (), [("distinct", 'index = "who"')]),
        ("x,y,z\n{n},{m},{n}", {}, ["x", "z"], ("0", "1", "2"), [("labels", "labels = false")]),
        ("x,y,z\n{n},{m},{n}", {"labels": False}, ["x", "y", "z"], (), []),
        ("x,y,z\n{m},{m},{n}", {"labels": "x"}, ["y", "z"], ("0", "1", "2"), []),
        ("# a, y ,b\n{n},{m}.0,{n}", {}, ["a", "b"], ("0", "1", "2"), [("labels", "labels = false")]),
        ("a,class\n{n},00{m}", {}, ["a"], ("000", "001", "002"), [("labels", "labels = false")]),
        (
            "a,class\n{n},900719925474099{m}",
            {},
            ["a"],
            ("9007199254740990", "9007199254740991", "9007199254740992"),
            [("labels", "labels = false")],
        ),
        ("a,a,b\n{n},{m},{n}", {}, ["a", "a.1", "b"], (), [("again", "")]),
        ("a;b\n{n},5;{m}", {"decimal": ","}, ["a", "b"], (), []),
        ("{n},5;1,5;{m},25", {"decimal": ","}, ["1", "2", "3"], (), [("no_names", "header = true")]),
        ("2019,2020\n{n},{m}", {}, ["1", "2"], (), [("no_names", "header = true")]),
        ("2019,2020\n{n},{m}", {"header": True}, ["2019", "2020"], (), []),
        ("p,x\nq{m},x{m}", {"scale": "none"}, ["p", "x"], (), [("names", "header = false")]),
        ("p,x\nq{m},x{m}", {"scale": "none", "header": False}, ["1", "2"], (), []),
        ("a,b,\n{n},{m},", {}, ["a", "b"], (), [("empty", "")]),
        ("a|b\n{n}|{m}", {}, ["a", "b"], (), []),
        ('\ufeffa,"b\n(km)"\n\n{n},"{m}"\n', {}, ["a", "b\n(km)"], (), []),
    ],
)
def test_what_is_decided_is_said_and_can_be_decided_otherwise(tmp_path, text, options, features, classes, notes):
    first, *rest = text.split("\n{" if "\n{" in text else "\nq" if "\nq" in text else "\nr", 1)
    row = (text[len(first) + 1 :] if rest else text) + "\n"
    whole = "".join(row.format(i=100 + i, n=i * i % 7, m=i % 3) for i in range(30))
    data = load_data(write(tmp_path / "a.csv", (first + "\n" if rest else "") + whole), **options)
    assert [c.name for c in data.features] == features
    assert data.classes == classes
    assert said(data) == notes
    assert data.card().get("notes", []) == [n.table() for n in data.notes]
    numbered = features[0] == "1" and text.count("\n") == 1
    assert sum(map(len, (data.train, data.validation, data.test))) == 30 + numbered


def test_large_numbers_of_a_note_can_be_told_apart(tmp_path):
    rows = "".join(f"{1600000000 + i},{i * i % 7}\n" for i in range(30))
    notes = load_data(write(tmp_path / "a.csv", f"time,a\n{rows}")).notes
    assert notes[0].values["values"] == "1600000000, 1600000001, 1600000002, …"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "x,y,z\n" + "".join(f"{i % 7},{i / 7},3\n" for i in range(30)),
            'column "y" is taken as the labels, and holds 30 diff',
        ),
        (
            "x,y,z\n" + "".join(f"{i % 7},{i * i},3\n" for i in range(30)),
            "such as 1, which look like a measurement; say labels = f",
        ),
        (
            "x,y\n" + "".join(f"{i},{'ab'[i > 0]}\n" for i in range(30)),
            r'has a single row of "a"; .* without = \["a"\]',
        ),
        ("label,label,a\n1,2,3\n", 'both "label" and "label" could be the labels; say which'),
        ("a,b\n1,1 234\n2,1 235\n", 'column "b" holds "1 234"'),
        ('a,b\n1,"1,234.5"\n2,"1,235.0"\n', 'column "b" holds "1,234.5"'),
        ("a,b\n1,5 %\n2,6 %\n", 'column "b" holds "5 %"'),
        ("a,b\n1,2020-01-31\n2,2020-02-01\n", 'column "b" holds dates'),
        ("a,b\n1,31/01/2020\n2,1/2/2020\n", 'column "b" holds dates'),
    ],
)
def test_what_would_be_read_as_something_else_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / "a.csv", text), DataSpec(scale="none"))


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("digits", {"labels": "y"}, "digits: labels names columns of tables"),
        ("digits", {"index": False}, "digits: index names columns of tables"),
        (X, {"decimal": ","}, "arrays: decimal is for CSV, and it is none"),
        (pd.DataFrame(X), {"header": True}, "arrays: header is for CSV, and it is none"),
        (pd.DataFrame(X), {"labels": "7"}, 'arrays: labels: unknown column "7"; Allowed: 0, 1'),
        (pd.DataFrame(X), {"index": "7"}, 'arrays: index: unknown column "7"'),
        ((pd.DataFrame(X), Y), {"labels": "0"}, 'got labels = "0" and labels beside the table'),
    ],
)
def test_options_that_mean_nothing_are_refused(source, options, message):
    with pytest.raises(DataError, match=message):
        load_data(source, **options)


@pytest.mark.parametrize(
    ("option", "value"),
    [("labels", True), ("labels", 3), ("index", True), ("index", []), ("header", "yes"), ("decimal", ";")],
)
def test_options_of_another_kind_are_refused(option, value):
    with pytest.raises(SpecError, match=f"{option}"):
        DataSpec(**{option: value})


def test_labels_can_be_left_out_of_any_data():
    data = load_data("digits", labels=False)
    assert (data.classes, data.train.y) == ((), None)


FRAME = pd.DataFrame(A[:, :3], columns=["a", "b", " c "]).assign(label=Y)


def test_a_frame_is_read_as_the_same_table_in_a_file(tmp_path):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    whole, frame = load_data(tmp_path / "a.csv"), load_data(FRAME)
    assert frame.fingerprint == whole.fingerprint
    assert [c.name for c in frame.features] == [c.name for c in whole.features] == ["a", "b", "c"]
    assert (frame.classes, said(frame)) == (("0", "1", "2"), said(whole))
    shuffled = FRAME.sample(frac=1, random_state=1)
    assert said(load_data(shuffled))[0] == ("frame_index", "reset_index()")
    apart = load_data((FRAME.drop(columns="label"), FRAME["label"]))
    assert (apart.fingerprint, said(apart)) == (whole.fingerprint, [])
    other = load_data((FRAME.drop(columns="label"), shuffled["label"]))
    assert said(other) == [("apart", "")]
    assert said(load_data((FRAME.drop(columns="label"), Y.tolist()))) == []
    both = load_data((FRAME, FRAME["label"]))
    assert (both.shape, said(both)) == ((4,), [("label_kept", "")])


def test_nullable_columns_and_other_kinds_of_numbers():
    from decimal import Decimal

    n = 30
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None] * 15, "Int64"),
            "yes": pd.array([True, None, False] * 10, "boolean"),
            "money": [Decimal("1.25"), None] * 15,
            "town": pd.array(["Porto", pd.NA] * 15, "string"),
            "kind": pd.Categorical(["u", None, "v"] * 10),
            "single": pd.array(np.arange(n) % 4 / 2, "Float32"),
            "id": 2**53 + np.arange(n) % 2,
        }
    )
    data = load_data(frame, labels="id", scale="none", missing="keep")
    assert data.classes == ("9007199254740992", "9007199254740993")
    assert [c.categories for c in data.features] == [(), (), (), ("Porto",), ("u", "v"), ()]
    whole = np.concatenate([data.part(p).x for p in ("train", "validation", "test")])
    assert np.nansum(whole, axis=0).tolist() == [15, 10, 15 * 1.25, 0, 10, 21.5]
    assert np.isnan(whole).sum(axis=0).tolist() == [15, 10, 15, 15, 10, 0]
    zones = frame.assign(at=pd.date_range("2020", periods=n, tz="Europe/Lisbon"))
    with pytest.raises(DataError, match='column "at" holds dates; .* leave it out with index = "at"'):
        load_data(zones, labels="id", scale="none", missing="keep")
    with pytest.raises(DataError, match='column "whole" has 15 missing values'):
        load_data(frame, labels="whole", missing="keep", scale="none")


@pytest.mark.parametrize(
    "y",
    [
        pd.Series(Y, dtype="Int64"),
        pd.Series(Y).astype("category"),
        pd.Series(Y.astype(str), dtype="string"),
        pd.Series(Y.astype(float)),
        pd.DataFrame({"y": Y}),
    ],
)
def test_labels_of_pandas_are_those_of_arrays(y):
    found, plain = load_data((A, y)), load_data((A, Y))
    assert (found.classes, found.fingerprint) == (plain.classes, plain.fingerprint)
    with pytest.raises(DataError, match="arrays: y has 1 missing values, the first in row 1"):
        load_data((A, pd.Series([pd.NA, *Y[1:]], dtype="Int64")))


def test_rows_of_a_frame_are_found_by_name():
    columns = (DataColumn("h"), DataColumn("town", ("Braga", "Porto")), DataColumn("v"))
    frame = pd.DataFrame({"v": [1, 2], " town": ["Porto", None], "other": ["x", "y"], "h": [0.5, np.nan]})
    np.testing.assert_array_equal(rows_of(frame, columns), [[0.5, 1, 1], [np.nan, np.nan, 2]])
    for changed, message in (
        (frame.drop(columns="v"), 'column "v" is there 0 times; allowed: once each of h, town, v'),
        (frame.assign(**{" town": "Faro"}), 'unknown town "Faro"'),
        (frame.assign(h="tall"), 'column "h" holds "tall"'),
    ):
        with pytest.raises(DataError, match=f"examples: {message}"):
            rows_of(changed, columns)
