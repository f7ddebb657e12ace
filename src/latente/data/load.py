"""The one way to data: a named data set, a user's own files, or arrays, read and split."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from latente.data import datasets, factors, files
from latente.data.layout import arranged
from latente.data.notes import Note, printable, tell
from latente.data.source import Source, kept, unlabelled
from latente.data.split import Data, split_source
from latente.data.tables import check_is_table, from_frame, plain_labels
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
    scale: str | float = "unit",
    missing: str = "refuse",
    condition: str | int | Sequence[str | int] = (),
    without: str | int | Sequence[str | int] = (),
    shape: Sequence[int] = (),
    layout: str = "auto",
    mode: str = "auto",
    ground: str = "auto",
    labels: str | bool | None = None,
    index: str | Sequence[str] | bool | None = None,
    header: bool | None = None,
    decimal: str | None = None,
) -> Data:
    """Read data and split it into train, validation and test.

    Args:
        source: what to read, see `find_source`.
        validation, test, seed, scale: see `latente.data.split.split_source`. With scale "none", text in tables
            becomes categories.
        missing: "refuse" an empty cell or NaN, or "keep" it as NaN, for a model with ``missing=True``.
        condition: columns that are no values of x but what a model with ``condition="columns"`` is given beside
            them: names for CSV and Parquet, positions from 0 for arrays. Numbers are standardised by the training
            part; text, of at most 50 kinds, becomes zeros and a one.
        without: labels whose examples are left out of every part: `left_out` gives them, and the score "outliers"
            tries a model against them.
        shape: that each example is brought to, for instance [28, 28] where a table has a column for each pixel.
        layout: "channels-first" or "channels-last" for images with channels; "auto" looks at the shape.
        mode: images of a folder as "grey", "colour", or what is opaque of them ("alpha"); "auto" as they are.
        ground: "black" or "white" under transparent pixels; "auto" takes the one on which they are seen.
        labels: the column of a table that holds the labels; or False to read none, here of any data. By default a
            column called label, labels, class, target or y.
        index: columns of a table to leave out, for they number or name its rows; or False for none. By default a first
            column without a name, whose values are whole numbers or texts and all different.
        header: whether the first line of a CSV holds names; by default found by what it holds.
        decimal: the decimal sign of a CSV, "." or ",".

    Raises:
        SpecError: an option of the wrong type or range.
        DataError: a source that is not known, cannot be read, or cannot be split.
        DownloadError: a named data set that could not be fetched.
    """
    # Checked here too, so that a wrong option does not wait for a download.
    asked: dict[str, Any] = {
        "source": _origin(source), "validation": validation, "test": test, "seed": seed, "scale": scale,
        "missing": missing, "condition": condition, "without": without,
        "shape": shape, "layout": layout, "mode": mode, "ground": ground,
        "labels": labels, "index": index, "header": header, "decimal": decimal,
    }  # fmt: skip
    spec = DataSpec(**asked)
    found = find_source(source, spec)
    if spec.labels is False:
        found = unlabelled(found)
    if spec.without:
        found = kept(found, spec.without)
    if spec.condition and not found.given:
        raise DataError(
            f"{found.name}: condition: got {list(spec.condition)}, and it has no columns to set aside; allowed with "
            "CSV, Parquet and arrays of shape (examples, columns)"
        )
    options = {name: getattr(spec, name) for name in ("validation", "test", "seed", "scale", "missing")}
    data = dataclasses.replace(split_source(found, **options), spec=spec)
    tell(data.notes)
    return data


def load_spec(spec: DataSpec, source: AnySource | None = None) -> Data:
    """`load_data` as a spec says.

    Args:
        spec: what to read, and how.
        source: where the data is now, where that is another place.

    Raises:
        DataError, DownloadError: as `load_data`.
    """
    options = {f.name: getattr(spec, f.name) for f in dataclasses.fields(spec)}
    return load_data(**(options if source is None else options | {"source": source}))


def find_source(source: AnySource, spec: DataSpec | None = None) -> Source:
    """The examples as they were found.

    Args:
        source: the name of a data set (see `latente.data.datasets.catalogue`); or a path (see
            `latente.data.files.read`): a `pathlib.Path`, or text that is no name of a data set, or that has a
            folder or a suffix in it, as ``./mnist`` or ``mnist.npz``; or an array x of shape (n, ...); or a
            tuple (x, y) with labels y of shape (n,) (see `latente.data.files.from_arrays`); or a pandas frame in place
            of x (see `latente.data.tables.from_frame`); or a source, as
            `latente.data.factors.draw` returns. The path may be that of dSprites' file.
        spec: says what to make of missing values, text and condition columns (see `latente.data.files.read`).

    Raises:
        DataError: neither a name nor a path that is there, or data that cannot be read.
        DownloadError: a named data set that could not be fetched.
    """
    spec = spec or DataSpec()
    if isinstance(source, str):
        if is_path(source):
            return _read(source, spec)
        if source in datasets.DATA_SETS:
            check_is_table(source, spec, table=False, text=False)
            return arranged(datasets.DATA_SETS.make(source), spec)
        if source and _exists(source):
            return _read(source, spec)
        message = unknown("data set", source, datasets.DATA_SETS)
        raise DataError(f"{message} There is no such file or folder either; allowed there: {files.ALLOWED}")
    if isinstance(source, os.PathLike):
        return _read(source, spec)
    if isinstance(source, Source):
        check_is_table(source.name, spec, table=False, text=False)
        return arranged(source, spec)
    if isinstance(source, tuple) and len(source) != 2:
        raise DataError(f"arrays: got a tuple of {len(source)}; allowed: an array x, or a tuple (x, y)")
    x, y = source if isinstance(source, tuple) else (source, None)
    frame = _frame(x)
    check_is_table(ARRAYS, spec, table=frame is not None, text=False)
    paired = frame is None or not hasattr(y, "iloc") or frame.index.equals(y.index)
    apart = () if paired else (Note("apart"),)
    try:
        y = None if y is None else plain_labels(ARRAYS, y)
        if frame is not None:
            return arranged(from_frame(ARRAYS, frame, spec, y, notes=apart), spec)
    except DataError as error:
        raise DataError(printable(str(error))) from error
    except Exception as error:  # cells of a frame may be anything, and raise anything
        raise DataError(f"arrays: the frame cannot be read ({' '.join(str(error).split())[:160]})") from error
    return files.from_arrays(ARRAYS, x, y, spec=spec)


def is_path(source: str) -> bool:
    """Whether a source can only be a path: it has a folder or a suffix in it, as ``./mnist`` or ``mnist.npz``."""
    return bool(Path(source).suffix) or any(s and s in source for s in (os.sep, os.altsep))


def left_out(spec: DataSpec) -> Source:
    """The examples that ``spec.without`` keeps out of every part.

    Raises:
        DataError, DownloadError: as `find_source`; or nothing is left out.
    """
    if not spec.without:
        raise DataError('nothing is left out; train with data that leaves a label out (without = ["3"])')
    if spec.source == ARRAYS:
        raise DataError("the data was given as arrays, which are not kept; give what was left out as a file")
    found = find_source(spec.source, spec)
    return kept(found, [c for c in found.classes if c not in spec.without])


def _origin(source: AnySource) -> str:
    """What to read the source from again: a name, or a path that holds wherever one stands."""
    if isinstance(source, str) and (not source.strip() or source in datasets.DATA_SETS):
        return source
    return str(Path(source).expanduser().absolute()) if isinstance(source, str | os.PathLike) else ARRAYS


def _read(path: str | os.PathLike[str], spec: DataSpec) -> Source:
    if factors.is_dsprites(path):
        check_is_table(str(path), spec, table=False, text=False)
        return arranged(factors.read_dsprites(path), spec)
    return files.read(path, spec)


def _frame(x: Any) -> Any:
    """A pandas frame, also of what can be made one (Polars, Arrow); None of anything else."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(x, pandas.DataFrame):
        return x
    try:
        return x.to_pandas() if hasattr(x, "to_pandas") and hasattr(x, "columns") else None
    except Exception as error:  # whatever another library finds wrong
        raise DataError(
            f"arrays: the frame does not become one of pandas ({' '.join(str(error).split())[:160]})"
        ) from error


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:
        return False
