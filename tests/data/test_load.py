"""The one way in: names, paths and arrays, and what is said where there is neither."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from latente.data import datasets
from latente.data.load import find_source, left_out, load_data, load_spec
from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import DataError, DownloadError, SpecError

X = np.arange(400, dtype=np.int64).reshape(100, 2, 2).astype(np.uint8)
Y = np.arange(100) % 4


def test_the_default_is_the_5000_digits_stratified():
    data = load_data()
    assert (data.name, data.shape, data.is_image) == ("mnist-5k", (28, 28), True)
    assert data.train.x.dtype == data.test.x.dtype == np.uint8
    card = data.card()
    assert card["counts"] == {"train": 3200, "validation": 800, "test": 1000}
    assert card["labels"] == {"train": [320] * 10, "validation": [80] * 10, "test": [100] * 10}
    assert card["range"] == [0.0, 1.0]
    assert card["fingerprint"] == load_data("mnist-5k").fingerprint != load_data(seed=1).fingerprint


def test_digits_are_divided_by_16():
    data = load_data("digits")
    assert data.multiplier == np.float32(1 / 16)
    assert data.card()["range"] == [0.0, 1.0]
    assert data.train.x.max() == 16
    assert set(np.unique(data.values(data.test.x) * 16)) <= set(range(17))


@pytest.mark.slow
def test_what_is_not_needed_is_not_imported():
    code = "import sys, numpy as np; from latente.data.load import find_source; find_source('mnist-5k')\n"
    code += "find_source(np.ones((3, 2)))\n"
    code += "heavy = {'jax', 'pandas', 'sklearn', 'pooch', 'PIL', 'pyarrow', 'rich', 'mlxtend'} & set(sys.modules)\n"
    code += "assert not heavy, heavy"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_options_reach_the_split(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    options = {"validation": 0.25, "test": 0.3, "seed": 5, "scale": "minmax"}
    data = load_data(tmp_path / "a.npz", **options)
    wanted = split_source(make_source("a", X, Y), **options)
    assert data.fingerprint == wanted.fingerprint
    assert len(data.test) == 30
    assert data.name == "a"
    assert data.spec.source == str(tmp_path / "a.npz")
    assert (data.spec.validation, data.spec.test, data.spec.seed, data.spec.scale) == tuple(options.values())


def test_arrays_with_labels_and_without():
    data = load_data((X, Y))
    assert (data.name, data.spec.source) == ("arrays", "arrays")
    assert data.fingerprint == split_source(make_source("a", X, Y)).fingerprint
    assert load_data((X, None)).fingerprint == load_data(X).fingerprint == load_data(X[..., None]).fingerprint
    assert load_data(X.tolist()).fingerprint == load_data(X).fingerprint
    assert load_data(X > 5).card()["range"] == [0.0, 1.0]
    with pytest.raises(DataError, match=r"arrays: got a tuple of 3; allowed: an array x, or a tuple \(x, y\)"):
        load_data((X, Y, X))
    with pytest.raises(DataError, match="arrays: x holds object values"):
        load_data(None)
    with pytest.raises(DataError, match=r"arrays: x has shape \(\)"):
        load_data(5)


def test_a_name_wins_unless_it_looks_like_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    idx = struct.pack(">HBB3I", 0, 8, 3, *X.shape) + X.tobytes()
    for name in ("digits", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train-images-idx3-ubyte").write_bytes(idx)
    np.save("digits.npy", X)
    assert find_source("digits").x.shape == (1797, 8, 8)
    for path in ("./digits", str(tmp_path / "digits"), Path("digits"), "digits.npy", "mine"):
        assert np.array_equal(find_source(path).x, X)
    assert find_source("mine").name == "mine"
    assert load_data("./digits").spec.source == str(tmp_path / "digits")


def test_neither_a_name_nor_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as error:
        load_data("fashion_mnist")
    assert str(error.value).startswith(
        'unknown data set "fashion_mnist"; did you mean "fashion-mnist"? Allowed: mnist-5k, digits, patches, factors, '
        "mnist, fashion-mnist, kmnist. There is no such file or folder either; allowed there: .npz, "
    )
    for source in ("a" * 300, "a\0b", "zzz"):
        with pytest.raises(DataError, match="unknown data set"):
            load_data(source)
    with pytest.raises(DataError, match=r"mnist\.npz: no such file or folder"):
        load_data("mnist.npz")
    with pytest.raises(DataError, match=r"no such file"):
        load_data("data/mnist")
    for source in ("", " "):
        with pytest.raises(SpecError, match="source: got"):
            load_data(source)
    with pytest.raises(DataError, match='unknown data set ""'):
        find_source("")


def test_a_wrong_option_does_not_wait_for_a_download(monkeypatch):
    monkeypatch.setattr(datasets, "_fetch", lambda *_: pytest.fail("downloaded"))
    for option in (
        {"validation": 2},
        {"test": -0.1},
        {"seed": "a"},
        {"scale": "nothing"},
        {"missing": "fill"},
        {"condition": [-1]},
    ):
        with pytest.raises(SpecError):
            load_data("mnist", **option)


def test_errors_of_a_download_reach_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("LATENTE_DATA", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="kmnist: "):
        load_data("kmnist")


def test_labels_left_out_are_in_no_part_and_the_others_close_ranks():
    data, whole = load_data("digits", without=["3", 7]), load_data("digits")
    assert data.classes == ("0", "1", "2", "4", "5", "6", "8", "9")
    parts = (data.train, data.validation, data.test)
    counts = np.bincount(np.concatenate([p.y for p in parts]), minlength=8)
    known = np.bincount(np.concatenate([p.y for p in (whole.train, whole.validation, whole.test)]))
    assert counts.tolist() == np.delete(known, [3, 7]).tolist()
    assert data.spec.without == ("3", "7") and data.card()["without"] == ["3", "7"] and "without" not in whole.card()
    assert data.fingerprint != whole.fingerprint and load_spec(data.spec).fingerprint == data.fingerprint
    assert sorted(set(left_out(data.spec).y.tolist())) == [0, 1] and left_out(data.spec).classes == ("3", "7")


def test_labels_that_cannot_be_left_out():
    with pytest.raises(DataError, match='digits: without: unknown label "x"'):
        load_data("digits", without="x")
    with pytest.raises(DataError, match="it has no labels by which to leave examples out"):
        load_data(np.zeros((50, 3), np.uint8), without="x")
    with pytest.raises(DataError, match="leaves no label"):
        load_data((np.zeros((50, 3), np.uint8), np.arange(50) % 2), without=[0, 1])
    with pytest.raises(SpecError, match="without: got"):
        load_data("digits", without=["3", 3])
    with pytest.raises(DataError, match="nothing is left out"):
        left_out(load_data("digits").spec)
    arrays = load_data((np.zeros((50, 3), np.uint8), np.arange(50) % 3), without=0)
    with pytest.raises(DataError, match="given as arrays, which are not kept"):
        left_out(arrays.spec)
