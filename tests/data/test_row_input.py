"""Rows read batch by batch are those of the whole file."""

import gzip

import numpy as np
import pandas as pd
import pytest

from latente.data.row_input import reading
from latente.errors import DataError

TABLE = pd.DataFrame({"n": [1.5, 2.0, -3.25, 4.0, 5.0], "word": ["a b", "c,d", "é", "", "x"], "whole": range(5)})


def read(source, size):
    with reading(str(source), size) as rows:
        return list(rows.batches), rows.total


def test_text_and_parquet_come_in_frames(tmp_path):
    TABLE.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress((tmp_path / "t.csv").read_bytes()))
    TABLE.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    TABLE.to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.csv.gz", "t.tsv", "t.parquet"):
        batches, total = read(tmp_path / name, 2)
        assert [len(b) for b in batches] == [2, 2, 1] and total == (5 if name == "t.parquet" else None)
        whole = pd.concat(batches)
        assert whole["n"].tolist() == TABLE["n"].tolist() and whole["whole"].tolist() == [0, 1, 2, 3, 4]
        assert whole["word"].fillna("").tolist() == TABLE["word"].tolist()


def test_arrays_come_in_slices_and_an_npy_is_not_read_whole(tmp_path):
    x = np.arange(70.0, dtype=np.float32).reshape(7, 2, 5)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", X=x, y=np.arange(7))
    for name in ("x.npy", "x.npz"):
        batches, total = read(tmp_path / name, 3)
        assert total == 7 and [len(b) for b in batches] == [3, 3, 1] and np.array_equal(np.concatenate(batches), x)
    assert isinstance(read(tmp_path / "x.npy", 3)[0][0], np.memmap)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("long.csv", b"a,b\n1,2\n3,4,5\n", "is no table .*line 3"),
        ("utf16.csv", "a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        ("no.npy", b"hello", "cannot be read"),
        ("no.parquet", b"hello", "cannot be read"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        read(tmp_path / name, 2)
    np.savez(tmp_path / "two.npz", a=np.ones((2, 2)), b=np.ones((2, 2)))
    with pytest.raises(DataError, match="allowed: an array called x"):
        read(tmp_path / "two.npz", 2)
    with pytest.raises(DataError):
        read(tmp_path / "nowhere.csv", 2)
