"""Arrays on disk come back as they were, and writes are all or nothing."""

import errno
import os
import subprocess
import sys

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from latente.atomic import read_bytes, read_json, write_bytes, write_json, write_text
from latente.errors import StoreError
from latente.model.build import build
from latente.objective.presets import VAE
from latente.training import store


def test_arrays_that_are_not_contiguous_come_back_right(tmp_path):
    a = np.arange(24, dtype=np.float32).reshape(4, 6)
    arrays = {"plain": a, "transposed": a.T, "every other": a[::2, 1::3], "fortran": np.asfortranarray(a)}
    store.save_arrays(tmp_path / "a.safetensors", arrays, {"x": 1})
    found, about = store.load_arrays(tmp_path / "a.safetensors")
    assert about == {"x": 1}
    for name, value in arrays.items():
        assert np.array_equal(found[name], value) and found[name].dtype == value.dtype


def test_a_model_comes_back_and_another_is_refused(tmp_path):
    model = build(VAE(2, hidden=(5,)), (3, 3), key=jr.key(0))
    arrays = store.flatten(model, "m.")
    assert "m.encoder.layers.0.weight" in arrays
    blank = build(VAE(2, hidden=(5,)), (3, 3), key=jr.key(1))
    assert bool(eqx.tree_equal(store.unflatten(blank, arrays, "m.", "here"), model))
    with pytest.raises(StoreError, match=r'"m.encoder.layers.0.weight" is float32\[9, 5\], but .* float32\[9, 6\]'):
        store.unflatten(build(VAE(2, hidden=(6,)), (3, 3), key=jr.key(1)), arrays, "m.", "here")
    del arrays["m.decoder.layers.1.bias"]
    with pytest.raises(StoreError, match=r'has no array "m.decoder.layers.1.bias"'):
        store.unflatten(blank, arrays, "m.", "here")


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(2)}, tmp_path / "f.safetensors")
    with pytest.raises(StoreError, match="not one that latente wrote"):
        store.load_arrays(tmp_path / "f.safetensors")
    with pytest.raises(StoreError, match="no such file"):
        store.load_arrays(tmp_path / "none.safetensors")


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
    with pytest.raises(StoreError, match="no Unicode text; rename"):
        write_text(tmp_path / "c", "caf\udce9")
    with pytest.raises(StoreError, match="no name of a file"):
        write_text(tmp_path / "\0", "x")
    assert not list(tmp_path.glob(".*"))


def test_differences_say_where():
    assert store.differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}, "d": 4}) == [
        "a.c is 3 there and 2 here",
        "d is 4 there and None here",
    ]
    # Runs of a study are a list: only what differs in them is said.
    assert store.differences({"runs": [{"n": 1, "m": 2}, {"n": 3}]}, {"runs": [{"n": 1, "m": 5}, {"n": 3}]}) == [
        "runs[0].m is 5 there and 2 here"
    ]
    # What is written by a version that did not know an option has its default, an empty list or "auto".
    assert store.differences({"layout": "auto"}, {}) == [] != store.differences({"layout": "channels-last"}, {})
    assert store.differences({"without": []}, {}) == [] != store.differences({"without": ["3"]}, {})


def test_dtypes_survive(tmp_path):
    arrays = {k: np.asarray(jnp.arange(3).astype(k)) for k in ("uint8", "int32", "float32", "bool")}
    store.save_arrays(tmp_path / "d.safetensors", arrays, {})
    found, _ = store.load_arrays(tmp_path / "d.safetensors")
    assert {k: str(v.dtype) for k, v in found.items()} == {k: k for k in arrays}
