"""A user's own data: NumPy and IDX files, folders of images, CSV and Parquet tables.

Pickles are never loaded, and whatever is wrong with a file is raised as `DataError`.
"""

from __future__ import annotations

import dataclasses
import gzip
import math
import os
import re
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.file_limits import check_plain, check_size, check_unpacked
from latente.data.images import SUFFIXES, read_images
from latente.data.layout import arranged
from latente.data.notes import Note, listed
from latente.data.numpy_files import check_arrays
from latente.data.source import DataColumn, Source, as_array, make_source, maximum_of
from latente.data.tables import check_is_table, read_csv, read_parquet
from latente.data.texttables import is_gzip
from latente.errors import DataError, nearest
from latente.plain import printable
from latente.spec import DataSpec

ALLOWED = ".npz, .npy, IDX (also .gz), .csv, .parquet, a folder of images, a folder of IDX files"
_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_IDX_NAME = re.compile(r"(.*?)(train|t10k|test)-(images|labels)[-.]idx\d-ubyte(?:\.gz)?", re.IGNORECASE)


def read(path: str | os.PathLike[str], spec: DataSpec | None = None) -> Source:
    """A user's own data, named after its file or folder.

    - ``.npz``: ``x_train, y_train, x_test, y_test`` (Keras's layout), or ``x, y``, or a single array, which is x; only
      x is required. ``.npy``: x. How arrays are read: see `from_arrays`.
    - IDX, with or without gzip, recognised by its first bytes. With ``train-images-idx3-ubyte``, the files
      ``train-labels-...``, ``t10k-images-...`` (or ``test-images-...``) and its labels in the same folder are read
      too; a folder of such files stands for its training images. Any other IDX file is x.
    - A folder of images of one size; sub-folders are the labels, unless they are a training and a test part (``train``
      and ``test``, ``training`` and ``testing``, ``train`` and ``val``, in any case) with the labels one level below.
      A single folder around everything is ignored. If one image has colours, all become RGB; transparent pixels get a
      black background, or a white one if the images are dark; 16-bit greys, and the other images with them, become
      float32 in 0..1; 16-bit colours are refused. Photographs are turned upright; only the first frame of an animation
      is read. Hidden files, files that are no images, and linked folders are skipped, and counted in a note.
    - CSV (also with ``;``, tabs or bars, and packed as ``.csv.gz``), with or without a line of names, and Parquet:
      numbers as they are. A column called label, labels, class, target or y holds the labels, and is no feature. A
      first column without a name and without repeated values is an index, and is left out (see
      `latente.data.tables.read_csv`).

    Args:
        path: the file or folder.
        spec: its ``missing``, ``condition``, scale "none" and the options of tables (``labels``, ``index``,
            ``header``, ``decimal``) say how to read it (see `from_arrays` and `latente.data.tables.read_csv`); by
            default nothing may be missing, and there are no conditions.

    Raises:
        DataError: no such file, an unknown format, or a file that is damaged or holds something else; condition
            columns that it does not have.
    """
    place = Path(path)
    try:
        place = place.expanduser()
        if not place.exists():
            raise DataError(_nothing(place))
        if place.is_file():
            check_size(place, place.stat().st_size, "its bytes")
        reader = _reader(place)
        if spec is not None:
            check_is_table(str(place), spec, text=reader is read_csv, table=reader in (read_csv, read_parquet))
        source = arranged(reader(place, spec or DataSpec()), spec or DataSpec())
    except DataError as error:
        # Names and cells of a file may contain anything.
        raise DataError(printable(str(error))) from error
    except MemoryError as error:
        raise DataError(f"{place}: does not fit into memory; give less of it") from error
    except Exception as error:  # third-party readers raise nearly anything on damaged bytes
        raise DataError(
            f"{place}: cannot be read ({_short(error)}); it is damaged, cut short or in another format; "
            f"allowed: {ALLOWED}"
        ) from error
    name = place.resolve().name
    return dataclasses.replace(source, name=Path(name.removesuffix(".gz")).stem if place.is_file() else name)


def from_arrays(
    name: str,
    x: object,
    y: object = None,
    x_test: object = None,
    y_test: object = None,
    spec: DataSpec | None = None,
) -> Source:
    """Arrays as a source: x of shape (n, ...), y of shape (n,) or None, and the same for a test part.

    Bytes stay bytes; other whole numbers become bytes if there are three or more axes and every value is in 0..255;
    booleans become bytes. Bytes that are only 0 and 1 have the maximum 1, all others 255. Anything else becomes
    float32, unscaled.

    Args:
        name: of the source.
        x, y, x_test, y_test: the arrays.
        spec: with missing "keep", NaN is a missing value. The columns of x (n, columns) at the positions
            ``condition``, from 0, are conditions rather than values of x. Shape and layout are those of
            `latente.data.layout.arranged`.

    Raises:
        DataError: as `latente.data.source.make_source`, or condition columns that x does not have.
    """
    return arranged(_from_arrays(name, (x, y, x_test, y_test), spec or DataSpec()), spec or DataSpec())


def _from_arrays(name: str, arrays: Sequence[object], spec: DataSpec) -> Source:
    x, y, x_test, y_test = [*arrays, None, None, None][:4]
    named, condition = (("x", x), ("x_test", x_test)), spec.condition
    parts = [as_array(name, what, part) for what, part in named if what == "x" or part is not None]
    if spec.layout == "auto":
        # Before the parts are compared, since only one of them may have this axis.
        parts = [p[..., 0] if p.ndim == 4 and p.shape[-1] == 1 else p for p in parts]
    contexts: list[NDArray[np.float64]] = []
    width = parts[0].shape[-1] if parts[0].ndim else 0
    if condition:
        contexts = [_condition_values(name, p, condition) for p in parts]
        parts = [np.delete(p, np.array(condition, np.int64), axis=1) for p in parts]
    if all(p.dtype == bool or _bytes_in_disguise(p) for p in parts):
        parts = [p.astype(np.uint8) for p in parts]
    test = parts[1] if len(parts) > 1 else None
    source = make_source(name, parts[0], y, test, y_test, maximum_of(parts), missing=spec.missing == "keep")
    if not condition:
        return source
    return dataclasses.replace(
        source,
        features=tuple(DataColumn(str(i)) for i in range(width) if i not in condition),
        context=contexts[0],
        context_test=contexts[1] if test is not None else None,
        context_columns=tuple(DataColumn(str(i)) for i in condition),
    )


def read_idx(path: Path) -> NDArray[Any]:
    """The array in an IDX file, with or without gzip, in native byte order.

    Raises:
        DataError: not a plain file, not an IDX file, truncated or damaged, or larger than memory.
    """
    check_plain(path)
    try:
        packed = is_gzip(path)
        with (gzip.open if packed else open)(path, "rb") as file:
            head = file.read(4)
            if head[:2] != b"\0\0" or head[2] not in _IDX_TYPES or head[3] == 0:
                raise DataError(f"{path}: not an IDX file, by its first bytes; allowed: {ALLOWED}")
            shape = struct.unpack(f">{head[3]}I", file.read(4 * head[3]))
            kind = np.dtype(_IDX_TYPES[head[2]])
            size = math.prod(shape) * kind.itemsize
            there = 0 if packed else path.stat().st_size - 4 - 4 * head[3]
            if packed or there == size:
                check_size(path, size, f"numbers of shape {shape}")
                # One byte more shows whether the file ends there, without reading an endless one.
                data = file.read(size + 1)
                there = len(data)
        if there != size:
            raise DataError(
                f"{path}: holds {there}{' or more' if packed and there > size else ''} bytes after its header, and "
                f"shape {shape} needs {size}; it is cut short or damaged, so get it again"
            )
        values = np.ndarray(shape, kind, data) if size else np.zeros(shape, kind)
        return values.astype(kind.newbyteorder("="))
    except (OSError, EOFError, IndexError, ValueError, struct.error, zlib.error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: cannot be read as IDX ({_short(error)}); it is damaged, so get it again") from error


def _condition_values(name: str, x: NDArray[Any], condition: tuple[str | int, ...]) -> NDArray[np.float64]:
    if x.ndim != 2 or x.dtype.kind not in "buif" or x.shape[1] <= len(condition):
        raise DataError(
            f"{name}: condition: got x of shape {x.shape} and type {x.dtype}; allowed: numbers of shape (examples, "
            "columns), with at least one column that is no condition"
        )
    for wanted in condition:
        if not isinstance(wanted, int) or wanted >= x.shape[1]:
            raise DataError(
                f"{name}: condition: got {wanted!r}; allowed: positions of columns, 0 to {x.shape[1] - 1} "
                "(arrays have no names)"
            )
    found = x[:, np.array(condition, np.int64)].astype(np.float64)
    if not np.isfinite(found).all():
        raise DataError(f"{name}: condition: NaN or infinite values in columns to condition on; fill or remove them")
    return found


def _reader(path: Path) -> Callable[[Path, DataSpec], Source]:
    suffix = path.suffix.lower()
    if path.is_dir():
        return _folder
    if not path.is_file():
        raise DataError(f"{path}: neither a file nor a folder; allowed: {ALLOWED}")
    if suffix in (".npz", ".npy"):
        return _numpy
    if suffix in (".parquet", ".pq"):
        return read_parquet
    if path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv")):
        if is_gzip(path):
            check_unpacked(path)
        return read_csv
    if suffix in SUFFIXES:
        raise DataError(f"{path}: a single image; give the folder that holds all images of one size")
    with (gzip.open if is_gzip(path) else open)(path, "rb") as file:
        if file.read(2) == b"\0\0":
            return _idx
    raise DataError(f'{path}: a format that is not known ("{suffix}"); allowed: {ALLOWED}')


def _nothing(path: Path) -> str:
    if not path.parent.is_dir():
        return f"{path}: no such file, because there is no folder {path.parent}; check the path"
    near = nearest(path.name, [p.name for p in path.parent.iterdir()])
    hint = f'did you mean "{path.parent / near}"?' if near else "check the path"
    return f"{path}: no such file or folder; {hint}"


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def _bytes_in_disguise(a: NDArray[Any]) -> bool:
    return a.dtype.kind in "iu" and a.ndim >= 3 and a.size > 0 and a.min() >= 0 and a.max() <= 255


def _numpy(path: Path, spec: DataSpec) -> Source:
    with path.open("rb") as file:
        if file.read(2) not in (b"\x93N", b"PK"):
            raise DataError(
                f"{path}: not a NumPy file, by its first bytes (pickles are never loaded); allowed: {ALLOWED}"
            )
    check_arrays(path)
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return _from_arrays(str(path), [loaded], spec)
    with loaded:
        keys = {key.lower(): key for key in loaded.files}
        if len(keys) < len(loaded.files):
            raise DataError(f"{path}: holds arrays whose names differ only in case: {', '.join(loaded.files)}")
        layouts = (("x_train", "y_train"), ("x", "y"), tuple(keys) if len(keys) == 1 else ("x",))
        for wanted in layouts:
            if wanted[0] in keys:
                names = (wanted[0], wanted[1] if len(wanted) > 1 else "y", "x_test", "y_test")
                arrays = [loaded[keys[k]] if k in keys else None for k in names]
                source = _from_arrays(str(path), arrays, spec)
                unread = [key for low, key in keys.items() if low not in names]
                if not unread:
                    return source
                read = listed(keys[k] for k in names if k in keys)
                return source.noted(Note("arrays", {"names": listed(unread), "read": read}))
    raise DataError(
        f"{path}: holds the arrays {', '.join(loaded.files) or '(none)'}; allowed: x_train, y_train, x_test, "
        f"y_test, or x, y (labels and the test part may be missing), or a single array"
    )


def _idx(path: Path, spec: DataSpec) -> Source:
    named = _IDX_NAME.fullmatch(path.name)
    if named and named[3].lower() == "labels":
        raise DataError(f"{path}: holds labels; give the file of the images beside it, or their folder")
    if not named:
        return _from_arrays(str(path), [read_idx(path)], spec)
    siblings: dict[tuple[str, str], Path] = {}
    for other in sorted(path.parent.iterdir()):
        match = _IDX_NAME.fullmatch(other.name)
        if match and match[1] == named[1]:
            part = "train" if match[2].lower() == "train" else "test"
            siblings.setdefault((part, match[3].lower()), other)
    wanted = [("test", "labels")]
    if named[2].lower() == "train":
        wanted = [("train", "labels"), ("test", "images"), ("test", "labels")]
    files = [path, *(siblings.get(key) for key in wanted)]
    return _from_arrays(str(path), [None if file is None else read_idx(file) for file in files], spec)


def _folder(path: Path, spec: DataSpec) -> Source:
    entries = [p for p in sorted(path.iterdir()) if not p.name.startswith(".")]
    named = [(m, p) for p in entries if (m := _IDX_NAME.fullmatch(p.name)) and m[3].lower() == "images"]
    # A single folder around everything, as archives have.
    inner = entries[0] if not named and len(entries) == 1 and entries[0].is_dir() else None
    if inner and not inner.is_symlink() and any(_IDX_NAME.fullmatch(p.name) for p in inner.iterdir()):
        return _folder(inner, spec).noted(Note("wrapped", {"folder": inner.name}))
    if not named:
        return read_images(path, spec)
    if len({m[1] for m, _ in named}) > 1:
        raise DataError(
            f"{path}: holds several data sets ({named[0][1].name}, {named[-1][1].name}, ...); give one of these files"
        )
    source = _idx(next((p for m, p in named if m[2].lower() == "train"), named[0][1]), spec)
    unread = [p.name for p in entries if not _IDX_NAME.fullmatch(p.name)]
    return source.noted(Note("beside", {"count": len(unread), "names": listed(unread)})) if unread else source
