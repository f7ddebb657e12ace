"""The headers of NumPy's files, checked before any array is allocated."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from latente.data.file_limits import check_size
from latente.errors import DataError


def check_arrays(path: Path) -> None:
    """Refuse an .npy or .npz whose arrays claim more than the file holds or memory fits: NumPy would allocate them
    before it reads.

    Raises:
        DataError: naming the array. OSError, ValueError, zipfile.BadZipFile: the file is damaged.
    """
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            file.seek(0)
            _check(path, path.name, file, path.stat().st_size)
            return
    total = 0
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.endswith(".npy"):
                total += member.file_size
                check_size(path, total, "its arrays")
                with archive.open(member) as inner:
                    _check(path, member.filename.removesuffix(".npy"), inner, member.file_size)


def _check(path: Path, name: str, file: IO[bytes], there: int) -> None:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise DataError(f"{path}: {name} is of version {version} of NumPy's format; allowed: 1.0 and 2.0")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = read(file)
    # Objects are pickles, which are refused on reading.
    if not kind.hasobject and (size := math.prod(shape) * kind.itemsize) > there:
        raise DataError(
            f"{path}: {name} says that it has the shape {shape}, which takes {size} bytes, and {there} are there; it "
            "is cut short or damaged, so get it again"
        )
