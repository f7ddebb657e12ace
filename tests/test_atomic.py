"""Files are written whole or not at all, and read only where they are plain and of a bounded size."""

import errno
import os
import subprocess
import sys

import pytest

from latente.atomic import read_bytes, read_json, write_bytes, write_folder, write_json, write_text
from latente.errors import StoreError
from latente.training import store


def test_a_failed_write_keeps_what_was_there_and_leaves_nothing_behind(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})

    def full(fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="the disk is full; free some space"):
        write_json(path, {"a": 2})
    assert read_json(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_real_limit_on_file_size_is_one_clear_error(tmp_path):
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from latente.atomic import write_bytes; from latente.errors import StoreError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_bytes(Path(sys.argv[1]) / 'big', b'x' * 5000)\n"
        "except StoreError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    assert "big: cannot be written, File too large" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_json_that_is_damaged_is_named(tmp_path):
    (tmp_path / "a.json").write_text('{"a": ')
    with pytest.raises(StoreError, match="is not JSON"):
        read_json(tmp_path / "a.json")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", {"a": float("nan")})


def test_json_of_another_kind_is_one_line(tmp_path):
    path = tmp_path / "a.json"
    for content, message in (
        (b"[" * 200_000, "nested too deep"),
        (b'{"a": NaN}', "NaN is no number of JSON"),
        (b'{"a": "\\ud800"}', "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"1" * 5000, "is not JSON"),
    ):
        path.write_bytes(content)
        with pytest.raises(StoreError, match=message):
            read_json(path)


def not_plain(folder):
    """Places that are no plain files, by what they are called."""
    os.mkfifo(folder / "fifo")
    (folder / "link").symlink_to("fifo")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "folder").mkdir()
    return {"fifo": "pipe", "link": "pipe", "zero": "device", "folder": "folder"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in this system")
def test_only_plain_files_of_a_bounded_size_are_read(tmp_path):
    for name, kind in not_plain(tmp_path).items():
        with pytest.raises(StoreError, match=f"{name}: is a {kind}; allowed: a plain file"):
            read_bytes(tmp_path / name)
        with pytest.raises(StoreError, match=f"is a {kind}"):
            store.load_arrays(tmp_path / name)
    (tmp_path / "big").write_bytes(b"x" * 11)
    assert read_bytes(tmp_path / "big", 11) == b"x" * 11
    with pytest.raises(StoreError, match="has 11 bytes or more; allowed: at most 10"):
        read_bytes(tmp_path / "big", 10)
    for name in ("\0", "x" * 5000, "big/x"):
        with pytest.raises(StoreError):
            read_bytes(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in this system")
def test_only_plain_files_are_replaced_and_a_link_never_followed(tmp_path):
    for name, kind in not_plain(tmp_path).items():
        with pytest.raises(StoreError, match=f"{name}: is a {kind}, and only plain files are written"):
            write_bytes(tmp_path / name, b"x")
    (tmp_path / "a").write_bytes(b"precious")
    (tmp_path / "b").symlink_to("a")
    write_bytes(tmp_path / "b", b"new")
    assert (tmp_path / "a").read_bytes() == b"precious" and (tmp_path / "b").read_bytes() == b"new"
    with pytest.raises(StoreError, match="is not Unicode text; rename"):
        write_text(tmp_path / "c", "caf\udce9")
    with pytest.raises(StoreError, match="is not a valid file name"):
        write_text(tmp_path / "\0", "x")
    assert not list(tmp_path.glob(".*"))


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    write_folder(tmp_path / "new" / "a", {"one": b"1", "two": b"2"})
    assert {p.name: p.read_bytes() for p in (tmp_path / "new" / "a").iterdir()} == {"one": b"1", "two": b"2"}
    assert (tmp_path / "new" / "a").stat().st_mode & 0o500 == 0o500
    with pytest.raises(StoreError, match="a: cannot be written"):
        write_folder(tmp_path / "new" / "a", {"three": b"3"})
    with pytest.raises(StoreError, match="cannot be written"):
        write_folder(tmp_path / "new" / "b", {"one": b"1", "no/such": b"2"})
    with pytest.raises(StoreError, match="is not a valid folder name"):
        write_folder(tmp_path / "\0", {})
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a"]
