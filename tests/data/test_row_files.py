"""Rows written batch by batch: read back to the bit by other readers, never over a file, never a part of one."""

import io
import sys

import numpy as np
import pandas
import pytest

from latente.data.row_files import check_target, columns_of, writing
from latente.errors import SpecError, StoreError

ROWS = [np.array([[0.1, np.nan], [1e-30, -2.5]], np.float32), np.array([[3.0, 1 / 3]], np.float32)]


def write(target, batches=ROWS, names=("a", "=b")):
    with writing(str(target), names) as rows:
        for batch in batches:
            rows(batch)
    return target


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npy", ".npz"])
def test_numbers_come_back_to_the_bit(tmp_path, suffix):
    path, expected = write(tmp_path / f"out{suffix}"), np.concatenate(ROWS)
    if suffix == ".csv":
        frame = pandas.read_csv(path)
        assert list(frame) == ["a", "=b"] and len(path.read_text().splitlines()) == 4
        found = frame.to_numpy(np.float32)
    elif suffix == ".parquet":
        found = pandas.read_parquet(path).to_numpy()
    else:
        found = np.load(path, allow_pickle=False)
        found = found["x"] if suffix == ".npz" else found
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_columns_of_several_kinds(tmp_path):
    batch = [np.array([1, 2]), np.array(["x", "y"], object)]
    assert write(tmp_path / "out.csv", [batch, batch]).read_text() == "a,=b\n1,x\n2,y\n1,x\n2,y\n"
    assert pandas.read_parquet(write(tmp_path / "o.parquet", [batch]))["=b"].tolist() == ["x", "y"]
    with np.load(write(tmp_path / "out.npz", [[np.arange(2), np.ones(2)]]), allow_pickle=False) as arrays:
        assert arrays["a"].tolist() == [0, 1] and arrays["=b"].dtype == np.float64
    texts = [np.array([1.0, 2.0]), np.array(["x", None], object)]
    with np.load(write(tmp_path / "texts.npz", [texts]), allow_pickle=False) as arrays:
        assert arrays["=b"].tolist() == ["x", ""]
    with pytest.raises(SpecError, match=r"holds numbers only"):
        write(tmp_path / "out.npy", [batch])
    with pytest.raises(SpecError, match="got 1 columns for 2 names"):
        columns_of([np.ones(3)], ["a", "b"])


def test_images_keep_their_shape(tmp_path):
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    found = np.load(write(tmp_path / "out.npy", [images, images]), mmap_mode="r")
    assert found.shape == (4, 3, 4) and found.dtype == np.uint8 and np.array_equal(found[2:], images)
    assert np.load(write(tmp_path / "none.npy", [])).shape == (0, 2)
    with pytest.raises(SpecError, match="batches of uint8"):
        write(tmp_path / "two.npy", [images, images[:, 1:]])


def test_standard_output(monkeypatch):
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out))
    write("-")
    assert out.getvalue() == b"a,=b\n0.1,\n1e-30,-2.5\n3.0,0.33333334\n"


def test_nothing_is_overwritten_and_no_part_is_left(tmp_path):
    there = tmp_path / "out.csv"
    there.write_text("mine")
    with pytest.raises(StoreError, match="nothing is overwritten"):
        write(there)
    with pytest.raises(ZeroDivisionError), writing(str(tmp_path / "new.csv"), ["a"]) as rows:
        rows([np.ones(2)])
        raise ZeroDivisionError
    # Somebody else was faster: theirs stays.
    with pytest.raises(StoreError, match="nothing is overwritten"), writing(str(tmp_path / "late.npy"), ["a"]) as rows:
        (tmp_path / "late.npy").write_text("theirs")
        rows(np.ones((2, 1)))
    assert there.read_text() == "mine" and (tmp_path / "late.npy").read_text() == "theirs"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["late.npy", "out.csv"]


def test_what_could_not_be_written_is_said_first(tmp_path):
    with pytest.raises(SpecError, match=r"allowed: a name that ends with \.csv"):
        check_target("out.xlsx")
    with pytest.raises(StoreError, match="is not there"):
        check_target(str(tmp_path / "no" / "out.csv"), "--out")
    check_target("-")
