"""The one way to data: a named data set, a user's own files, or arrays, read and split."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from latente.data import datasets, factors, files
from latente.data.source import Source
from latente.data.split import Data, split_source
from latente.errors import DataError, unknown
from latente.spec import DataSpec

ARRAYS = "arrays"
"""The source of data that was given as arrays, and so cannot be read again."""

AnySource = str | os.PathLike[str] | ArrayLike | tuple[Any, Any] | Source


def load_data(
    source: AnySource = "mnist-5k",
    *,
    validation: float = 0.2,
    test: float = 0.2,
    seed: int = 42,
    scale: str = "unit",
) -> Data:
    """Read data and split it into train, validation and test.

    Args:
        source: what to read, see `find_source`.
        validation, test, seed, scale: see `latente.data.split.split_source`.

    Raises:
        SpecError: a share, seed or scale of the wrong type or range.
        DataError: a source that is not known, cannot be read, or cannot be split.
        DownloadError: a named data set that could not be fetched.
    """
    origin = _origin(source)
    # Checked here too, so that a wrong option does not wait for a download.
    DataSpec(origin, validation, test, seed, scale)
    found = find_source(source)
    return split_source(found, validation=validation, test=test, seed=seed, scale=scale, origin=origin)


def find_source(source: AnySource) -> Source:
    """The examples as they were found.

    Args:
        source: the name of a data set (see `latente.data.datasets.catalogue`); or a path (see
            `latente.data.files.read`): a `pathlib.Path`, or text that is no name of a data set, or that has a
            folder or a suffix in it, as ``./mnist`` or ``mnist.npz``; or an array x of shape (n, ...); or a
            tuple (x, y) with labels y of shape (n,) (see `latente.data.files.from_arrays`); or a source, as
            `latente.data.factors.draw` returns. The path may be that of dSprites' file.

    Raises:
        DataError: neither a name nor a path that is there, or data that cannot be read.
        DownloadError: a named data set that could not be fetched.
    """
    if isinstance(source, str):
        if Path(source).suffix or any(s and s in source for s in (os.sep, os.altsep)):
            return _read(source)
        if source in datasets.DATA_SETS:
            return datasets.DATA_SETS.make(source)
        if source and _exists(source):
            return _read(source)
        message = unknown("data set", source, datasets.DATA_SETS)
        raise DataError(f"{message} There is no such file or folder either; allowed there: {files.ALLOWED}")
    if isinstance(source, Source):
        return source
    if isinstance(source, os.PathLike):
        return _read(source)
    if isinstance(source, tuple):
        if len(source) != 2:
            raise DataError(f"arrays: got a tuple of {len(source)}; allowed: an array x, or a tuple (x, y)")
        return files.from_arrays(ARRAYS, *source)
    return files.from_arrays(ARRAYS, source)


def _origin(source: AnySource) -> str:
    """What to read the source from again: a name, or a path that holds wherever one stands."""
    if isinstance(source, str) and (not source.strip() or source in datasets.DATA_SETS):
        return source
    return str(Path(source).expanduser().absolute()) if isinstance(source, str | os.PathLike) else ARRAYS


def _read(path: str | os.PathLike[str]) -> Source:
    return factors.read_dsprites(path) if factors.is_dsprites(path) else files.read(path)


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:
        return False
