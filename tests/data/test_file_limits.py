"""What is no plain file, or would not fit into memory, is refused before it is read."""

import gzip
import os
import struct

import numpy as np
import pandas as pd
import pytest
from madefiles import error_of, write

from latente.data import file_limits
from latente.data.file_limits import check_plain, check_size, check_unpacked, memory
from latente.errors import DataError


def test_half_of_memory_may_be_taken_and_not_a_byte_more(tmp_path, monkeypatch):
    monkeypatch.setattr(file_limits, "memory", lambda: 4 * 2**30)
    check_size(tmp_path / "a", 2 * 2**30, "its bytes")
    with pytest.raises(DataError, match=r"a: its bytes take 2.0 GiB unpacked; allowed: 2.0 GiB, which is .* by 2"):
        check_size(tmp_path / "a", 2 * 2**30 + 1, "its bytes")


def test_a_packed_file_is_unpacked_as_far_as_memory_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(file_limits, "memory", lambda: 4e6)
    check_unpacked(write(tmp_path / "a.gz", gzip.compress(bytes(2_000_000))))
    with pytest.raises(DataError, match="what it holds and more take"):
        check_unpacked(write(tmp_path / "a.gz", gzip.compress(bytes(2_000_001))))
    with pytest.raises(EOFError):
        check_unpacked(write(tmp_path / "a.gz", gzip.compress(b"hello")[:-9]))


def test_memory_is_no_more_than_the_machines():
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < memory() <= pages


def test_folders_and_pipes_are_no_plain_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(DataError, match="is not a plain file"):
            check_plain(path)
    check_plain(write(tmp_path / "a", b""))
    check_plain(tmp_path / "absent")


def test_what_takes_more_than_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    """Small files that say or hold that they are large; `size` bytes each, of which half may be read."""
    monkeypatch.setattr(file_limits, "memory", lambda: 4e6)
    zeros = bytes(3_000_000)
    bomb = struct.pack(">HBB3I", 0, 8, 3, 3000, 10, 100) + zeros
    write(tmp_path / "a.gz", gzip.compress(bomb))
    assert "a.gz: numbers of shape (3000, 10, 100) take" in error_of(tmp_path / "a.gz", "divided by 2")
    # One that goes on after what its header says is followed by one byte alone.
    write(tmp_path / "b.gz", gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 6, 10, 10) + zeros))
    error_of(tmp_path / "b.gz", r"holds 601 or more bytes after its header, and shape \(6, 10, 10\) needs 600")
    write(tmp_path / "c.csv.gz", gzip.compress(b"1,2\n" * 800_000))
    error_of(tmp_path / "c.csv.gz", "what it holds and more take")
    np.savez_compressed(tmp_path / "d.npz", x=np.zeros((3000, 1000), np.uint8))
    error_of(tmp_path / "d.npz", "d.npz: its arrays take")
    np.save(tmp_path / "e.npy", np.zeros((3000, 1000), np.uint8))
    error_of(tmp_path / "e.npy", "e.npy: its bytes take")


def test_parquet_is_measured_before_it_is_read(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    # 3,000 rows of 40 zeros take 960,000 bytes, and a thousandth of that on the disk.
    pd.DataFrame(np.zeros((3000, 40)), columns=[f"c{i}" for i in range(40)]).to_parquet(tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    monkeypatch.setattr(file_limits, "memory", lambda: 1e6)
    monkeypatch.setattr(pd, "read_parquet", lambda *a, **k: pytest.fail("it was read"))
    error_of(tmp_path / "a.parquet", "a.parquet: 3000 rows of 40 columns take .* unpacked; allowed: .*memory")
