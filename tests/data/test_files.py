"""NumPy and IDX files: the same numbers come back, and every bad file is one error of one line."""

import gzip
import io
import os
import struct
import zipfile

import numpy as np
import pytest
from madefiles import error_of, write

from latente.data.files import read, read_idx
from latente.data.load import load_data
from latente.errors import DataError

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (12, 5, 4)).astype(np.uint8)
Y = np.arange(12) % 3
X_TEST, Y_TEST = X[:4] // 2, Y[:4]
CODES = {"u1": 8, "i1": 9, ">i2": 11, ">i4": 12, ">f4": 13, ">f8": 14}


def idx(a, kind="u1"):
    return struct.pack(f">HBB{a.ndim}I", 0, CODES[kind], a.ndim, *a.shape) + a.astype(kind).tobytes()


def test_npz_in_the_layout_of_keras(tmp_path):
    path = tmp_path / "mine.v2.npz"
    np.savez_compressed(path, x_train=X, y_train=Y, x_test=X_TEST, y_test=Y_TEST, x_other=np.zeros(3))
    s = read(path)
    for got, wanted in ((s.x, X), (s.y, Y), (s.x_test, X_TEST), (s.y_test, Y_TEST)):
        assert np.array_equal(got, wanted)
    assert (s.name, s.classes, s.x.dtype, s.maximum) == ("mine.v2", ("0", "1", "2"), np.uint8, 255)
    assert [str(note) for note in s.notes] == [
        "arrays of the file that are not read: x_other; read are x_train, y_train, x_test, y_test"
    ]


@pytest.mark.parametrize(
    ("arrays", "labels", "test"),
    [
        ({"x": X}, False, False),
        ({"X": X, "Y": Y}, True, False),
        ({"x": X, "x_test": X_TEST}, False, True),
        ({"x": X, "y": Y, "x_test": X_TEST, "y_test": Y_TEST}, True, True),
        ({"X_train": X, "x_test": X_TEST}, False, True),
        ({"arr_0": X}, False, False),
        ({"x": X[..., None], "y": Y[:, None]}, True, False),
        ({"x": X.astype(np.int64), "y": Y.astype(float)}, True, False),
    ],
)
def test_npz_in_other_layouts(tmp_path, arrays, labels, test):
    np.savez(tmp_path / "a.npz", **arrays)
    s = read(str(tmp_path / "a.npz"))
    assert s.x.dtype == np.uint8
    assert np.array_equal(s.x, X)
    assert s.y is None if not labels else s.y.tolist() == Y.tolist()
    assert s.x_test is None if not test else np.array_equal(s.x_test, X_TEST)
    assert s.classes == (("0", "1", "2") if labels else ())


def test_npy(tmp_path):
    for a in (X, np.asfortranarray(X), X.astype(">u2"), X.astype(np.float32) / 255, X.reshape(12, 20) > 99):
        np.save(tmp_path / "a.npy", a)
        assert np.array_equal(read(tmp_path / "a.npy").x, a)
    assert read(tmp_path / "a.npy").maximum == 1


def test_a_npy_under_the_name_npz(tmp_path):
    np.save(tmp_path / "a.npy", X)
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    assert np.array_equal(read(tmp_path / "a.npz").x, X)


def test_pickles_and_objects_are_never_loaded(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "exploded"),)

    bomb = np.empty(3, object)
    bomb[:] = [Bomb()] * 3
    np.save(tmp_path / "a.npy", bomb, allow_pickle=True)
    np.savez(tmp_path / "a.npz", x=bomb)
    np.savez(tmp_path / "b.npz", x=X, y=bomb)
    for name in ("a.npy", "a.npz", "b.npz"):
        error_of(tmp_path / name, "Object arrays cannot be loaded when allow_pickle=False")
    bomb.dump(tmp_path / "c.npy")
    error_of(tmp_path / "c.npy", "not a NumPy file, by its first bytes .pickles are never loaded.; allowed: .npz")
    (tmp_path / "c.npy").rename(tmp_path / "c.pkl")
    error_of(tmp_path / "c.pkl", r'a format that is not known \("\.pkl"\); allowed: \.npz')
    assert not (tmp_path / "exploded").exists()


def test_npz_without_x(tmp_path):
    np.savez(tmp_path / "a.npz", images=X, labels=Y)
    assert "holds the arrays images, labels; allowed: x_train, y_train" in error_of(tmp_path / "a.npz", "holds")
    np.savez(tmp_path / "b.npz")
    error_of(tmp_path / "b.npz", r"holds the arrays \(none\)")


def test_arrays_that_do_not_fit_name_the_file(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y[:5])
    error_of(tmp_path / "a.npz", r"a\.npz: 12 examples but 5 labels in y")
    np.save(tmp_path / "a.npy", np.zeros((0, 3)))
    error_of(tmp_path / "a.npy", r"a\.npy: x is empty")
    np.save(tmp_path / "a.npy", np.full((2, 3), np.nan))
    error_of(tmp_path / "a.npy", r"a\.npy: x has 6 NaN")


@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.idx", "a-ubyte", "a.csv", "a.csv.gz", "a.parquet", "a.gz"])
@pytest.mark.parametrize("content", [b"", b"\0", b"\x1f\x8b", b"\x93NUMPY", b"PK\3\4", b"\0\0\x08\3", b"PAR1PAR1"])
def test_empty_files_and_bare_beginnings(tmp_path, name, content):
    error_of(write(tmp_path / name, content), f"{name}: ")


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_of_every_type(tmp_path, kind, pack):
    a = X if kind == "u1" else X.astype(int) - 100 if kind == "i1" else X * 7.0 - 300
    a = a.astype(kind) if kind[-2] == "f" else a.clip(-128, 127) if kind == "i1" else a
    got = read_idx(write(tmp_path / "a.idx", pack(idx(a, kind))))
    assert np.array_equal(got, a)
    assert got.dtype.isnative
    assert np.array_equal(read(tmp_path / "a.idx").x, a.astype(np.float32))


def four_files(folder, test="t10k", gz=True, dot="-", prefix=""):
    folder.mkdir(exist_ok=True)
    for part, x, y in (("train", X, Y), (test, X_TEST, Y_TEST)):
        for what, a in (("images", x), ("labels", y)):
            name = f"{prefix}{part}-{what}{dot}idx{a.ndim}-ubyte" + (".gz" if gz else "")
            write(folder / name, gzip.compress(idx(a)) if gz else idx(a))
    return folder


@pytest.mark.parametrize(
    "names",
    [{}, {"gz": False}, {"test": "test"}, {"gz": False, "dot": "."}, {"prefix": "emnist-letters-", "test": "test"}],
)
@pytest.mark.parametrize("whole", [True, False])
def test_idx_files_find_each_other(tmp_path, names, whole):
    folder = four_files(tmp_path / "mine", **names)
    s = read(folder if whole else next(p for p in folder.iterdir() if "train-images" in p.name))
    for got, wanted in ((s.x, X), (s.y, Y), (s.x_test, X_TEST), (s.y_test, Y_TEST)):
        assert np.array_equal(got, wanted)
    assert s.x.dtype == np.uint8
    assert s.name == "mine" or not whole


def test_idx_files_of_which_some_are_missing(tmp_path):
    folder = four_files(tmp_path / "mine")
    s = read(folder / "t10k-images-idx3-ubyte.gz")
    assert np.array_equal(s.x, X_TEST)
    assert np.array_equal(s.y, Y_TEST)
    assert s.x_test is None
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(DataError, match="y_test without x_test"):
        read(folder)
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert read(folder).x_test is None
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    assert read(folder).y is None
    (folder / "._train-images-idx3-ubyte").write_bytes(b"of a Mac")
    assert np.array_equal(read(folder).x, X)


def test_idx_labels_and_several_sets_are_refused(tmp_path):
    folder = four_files(tmp_path / "mine")
    error_of(folder / "train-labels-idx1-ubyte.gz", "holds labels; give the file of the images")
    four_files(folder, prefix="other-")
    error_of(folder, r"holds several data sets \(other-t10k.*, train-images.*\); give one of these files")
    assert np.array_equal(read(folder / "other-train-images-idx3-ubyte.gz").x, X)


def test_idx_that_is_damaged(tmp_path):
    whole = idx(X)
    short = r"holds 239 bytes after its header, and shape \(12, 5, 4\) needs 240; it is cut short"
    error_of(write(tmp_path / "a.idx", whole[:-1]), short)
    error_of(write(tmp_path / "a.idx", whole + b"."), r"holds 241 bytes")
    error_of(write(tmp_path / "a.idx", b"\0\0\x07\3" + whole[4:]), "not an IDX file")
    error_of(write(tmp_path / "a.idx", whole[:9]), "cannot be read as IDX")
    error_of(write(tmp_path / "a.idx", idx(X[:0])), "x is empty")
    packed = bytearray(gzip.compress(whole))
    error_of(write(tmp_path / "a.gz", bytes(packed[:-9])), "cannot be read as IDX")
    packed[-6] ^= 1
    error_of(write(tmp_path / "a.gz", bytes(packed)), "cannot be read as IDX.*CRC")
    huge = struct.pack(">HBB3I", 0, 14, 3, *[2**32 - 1] * 3)
    error_of(write(tmp_path / "a.idx", huge), "it is cut short or damaged")
    folder = four_files(tmp_path / "mine")
    write(folder / "train-labels-idx1-ubyte.gz", b"\x1f\x8b")
    error_of(folder, "train-labels-idx1-ubyte.gz: cannot be read as IDX")


def test_arrays_that_say_they_are_larger_than_they_are(tmp_path):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f8", "fortran_order": False, "shape": (2**40, 3)})
    write(tmp_path / "a.npy", out.getvalue() + bytes(48))
    error_of(tmp_path / "a.npy", r"a\.npy: .* the shape \(1099511627776, 3\), which takes 26388279066624 bytes, and")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", out.getvalue() + bytes(48))
    error_of(tmp_path / "a.npz", r"a\.npz: x says that it has the shape")


def test_names_that_differ_in_capitals_alone_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, X=X)
    error_of(tmp_path / "a.npz", "holds arrays whose names differ only in case: x, X")


def test_pipes_are_not_waited_for(tmp_path):
    folder = four_files(tmp_path / "mine")
    for name in ("a.npz", "a.csv", "a.idx"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(DataError, match=f"{name}: neither a file nor a folder"):
            load_data(tmp_path / name)
    (tmp_path / "zero.npz").symlink_to("/dev/zero")
    with pytest.raises(DataError, match="zero.npz: neither a file nor a folder"):
        load_data(tmp_path / "zero.npz")
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    os.mkfifo(folder / "train-labels-idx1-ubyte.gz")
    error_of(folder, "train-labels-idx1-ubyte.gz: is not a plain file")


def test_a_folder_about_idx_files_and_what_lies_beside_them(tmp_path):
    (tmp_path / "mine").mkdir()
    folder = four_files(tmp_path / "mine" / "inner")
    write(folder / "readme.txt", b"hello")
    s = read(tmp_path / "mine")
    assert np.array_equal(s.x, X) and s.name == "mine"
    assert [(n.key, n.values) for n in s.notes] == [
        ("beside", {"count": 1, "names": "readme.txt"}), ("wrapped", {"folder": "inner"}),
    ]  # fmt: skip


def test_nothing_there_names_the_nearest(tmp_path):
    np.save(tmp_path / "digits.npy", X)
    text = error_of(tmp_path / "digit.npy", "no such file or folder")
    assert text.endswith(f'did you mean "{tmp_path / "digits.npy"}"?')
    error_of(tmp_path / "zzz", r"zzz: no such file or folder; check the path")
    error_of(tmp_path / "gone" / "a.npy", f"there is no folder {tmp_path / 'gone'}")
    error_of(tmp_path / ("a" * 300), "a: ")
    error_of("~nobody-of-this-name/a.npy", "~nobody")
    error_of("a\0b", "a")


def test_formats_that_are_not_known(tmp_path):
    for name, content in (("a.txt", b"hello"), ("a", b"hello"), ("a.h5", b"\x89HDF"), ("a.gz", gzip.compress(b"hi"))):
        error_of(write(tmp_path / name, content), r"a format that is not known .*; allowed: \.npz, \.npy, IDX")
    error_of(write(tmp_path / "a.PNG", b""), "a single image; give the folder")
    os.mkfifo(tmp_path / "pipe")
    error_of(tmp_path / "pipe", "neither a file nor a folder")


def test_a_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.save(tmp_path / "a.npy", X)
    assert np.array_equal(read("~/a.npy").x, X)
