"""CSV and the like: separators, names, blank lines, decimal commas, missing cells, and what is refused."""

import gzip

import numpy as np
import pytest
from madefiles import error_of, write

from latente.data.files import read
from latente.data.load import load_data
from latente.errors import DataError
from latente.spec import DataSpec


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
        ("a,b\n1,2,\n4,5,\n", [[1, 2], [4, 5]]),
    ],
)
def test_with_a_line_of_names_or_without(tmp_path, text, rows):
    s = read(write(tmp_path / "a.csv", text))
    assert s.x.tolist() == rows
    assert s.y is None


def test_labels_among_numbered_columns(tmp_path):
    s = read(write(tmp_path / "a.csv", "label,0,1\n7,5,6\n3,7,8\n"))
    assert s.x.tolist() == [[5, 6], [7, 8]]
    assert [s.classes[i] for i in s.y] == ["7", "3"]


def test_text_that_is_no_text(tmp_path):
    for content in (b"\xff\xfe\x00a", b"a,b\n1,\xe9\n", b"\x00\x01\x02"):
        (tmp_path / "a.csv").write_bytes(content)
        error_of(tmp_path / "a.csv", "a.csv: ")


def test_blank_lines_of_one_column_are_counted(tmp_path):
    s = read(write(tmp_path / "a.csv", "a\n1\n\n2\n   \n3\n\n\n"))
    assert s.x.tolist() == [[1], [2], [3]] and [(n.key, dict(n.values)) for n in s.notes] == [("blank", {"count": 2})]
    assert not read(write(tmp_path / "b.csv", "a\n1\n2\n3\n\n")).notes
    kept = read(write(tmp_path / "c.csv", 'a\n1\n""\nNaN\n3\n'), DataSpec(missing="keep"))
    assert np.array_equal(kept.x, [[1], [np.nan], [np.nan], [3]], equal_nan=True) and not kept.notes


def test_decimal_commas_and_indexes_have_the_right_values(tmp_path):
    s = read(write(tmp_path / "a.csv", ";x;label\n7;-1,5;1\n9;2e1;2\n"), DataSpec(decimal=","))
    assert (s.x.tolist(), s.classes) == ([[-1.5], [20]], ("1", "2"))
    with pytest.raises(DataError, match=r'column "x" holds "-1,5"; allowed: .*; for decimal commas say decimal = ","'):
        read(tmp_path / "a.csv")
    s = read(write(tmp_path / "b.csv", '"",a\n"Mazda RX4",1\n"Fiat 128",2\n'))
    assert s.x.tolist() == [[1], [2]]


def test_words_for_nothing_are_texts_in_a_column_of_text_and_missing_among_numbers(tmp_path):
    rows = "".join(
        f"{i},{('NA', 4)[i % 2]},{('None', 'Mild', 'NA')[i % 3]},{('null', '', 'a')[i % 3]}\n" for i in range(30)
    )
    path = write(tmp_path / "a.csv", f"a,n,label,town\n{rows}")
    data = load_data(path, scale="none", missing="keep")
    assert data.classes == ("Mild", "NA", "None")
    assert [c.categories for c in data.features] == [(), (), ("a", "null")]
    whole = np.concatenate([data.part(p).x for p in ("train", "validation", "test")])
    assert np.isnan(whole).sum(axis=0).tolist() == [0, 15, 10]
    assert [n.values["words"] for n in data.notes if n.key == "words"] == ['10 "NA", 10 "None"', '10 "null"']
    with pytest.raises(DataError, match=r'column "n" has 15 missing values, the first in row 1'):
        load_data(path, scale="none")
    error_of(write(path, "a,label\n1,0\n2,None\n"), 'column "label" has 1 missing values, the first in row 2')


def test_rows_that_end_early_are_counted(tmp_path):
    path = write(tmp_path / "a.csv", "a,b,c\n" + "1,2,3\n" * 20 + "4,5\n" * 2 + "6\n" + "7,8,\n")
    data = load_data(path, missing="keep")
    assert [(n.key, dict(n.values)) for n in data.notes] == [("short", {"count": 3, "row": 21})]


def test_other_encodings_are_named(tmp_path):
    (tmp_path / "a.csv").write_text("a\tb\n1\t2\n" * 3, encoding="utf-16")
    error_of(tmp_path / "a.csv", r"a.csv: is not UTF-8 \(its first bytes are those of UTF-16\); save it as UTF-8")
    (tmp_path / "a.csv").write_text("a,ação\n1,2\n3,4\n", encoding="latin-1")
    error_of(tmp_path / "a.csv", r"a.csv: is not UTF-8 \(it has the byte 0xe7\); save it as UTF-8")
