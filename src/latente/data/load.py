"""`load_data`: read a named data set, a user's own files, or arrays, and split them."""

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
from latente.data.notes import Note, log_notes
from latente.data.source import Source, drop_classes, unlabelled
from latente.data.split import Data, split_source
from latente.data.tables import check_is_table, from_frame, plain_labels
from latente.errors import DataError, unknown
from latente.plain import printable
from latente.spec import DataSpec

ARRAYS = "arrays"
"""The source of data passed as arrays, which cannot be read again."""

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
        missing: "refuse" empty cells and NaN, or "keep" them as NaN, for a model with ``missing=True``.
        condition: columns that are not part of x but that a model with ``condition="columns"`` is conditioned on:
            names for CSV and Parquet, positions from 0 for arrays. Numbers are standardised by the training part;
            text, with at most 50 different values, is one-hot encoded.
        without: labels whose examples are left out of every part: `left_out` returns them, and the score "outliers"
            tests a model on them.
        shape: the shape of each example, for instance [28, 28] if a table has a column for each pixel.
        layout: "channels-first" or "channels-last" for images with channels; "auto" decides by the shape.
        mode: read images of a folder as "grey", "colour", or their opacity ("alpha"); "auto" as they are.
        ground: "black" or "white" behind transparent pixels; "auto" takes the one on which they show.
        labels: the column of a table that holds the labels; or False to read none, from any data. By default a
            column called label, labels, class, target or y.
        index: columns of a table to leave out because they number or name its rows; or False for none. By default a
            first column without a name whose values are whole numbers or texts, all different.
        header: whether the first line of a CSV holds names; by default decided by what it holds.
        decimal: the decimal mark of a CSV, "." or ",".

    Raises:
        SpecError: an option of the wrong type or range.
        DataError: a source that is unknown, or cannot be read or split.
        DownloadError: a named data set that could not be downloaded.
    """
    # Checked here too, so that a wrong option does not wait for a download.
    options: dict[str, Any] = {
        "source": _origin(source), "validation": validation, "test": test, "seed": seed, "scale": scale,
        "missing": missing, "condition": condition, "without": without,
        "shape": shape, "layout": layout, "mode": mode, "ground": ground,
        "labels": labels, "index": index, "header": header, "decimal": decimal,
    }  # fmt: skip
    spec = DataSpec(**options)
    found = find_source(source, spec)
    if spec.labels is False:
        found = unlabelled(found)
    if spec.without:
        found = drop_classes(found, spec.without)
    if spec.condition and not found.context_columns:
        raise DataError(
            f"{found.name}: condition: got {list(spec.condition)}, and it has no columns to set aside; allowed with "
            "CSV, Parquet and arrays of shape (examples, columns)"
        )
    splitting = {name: getattr(spec, name) for name in ("validation", "test", "seed", "scale", "missing")}
    data = dataclasses.replace(split_source(found, **splitting), spec=spec)
    log_notes(data.notes)
    return data


def load_spec(spec: DataSpec, source: AnySource | None = None) -> Data:
    """`load_data` with the options of a spec.

    Args:
        spec: what to read, and how.
        source: where the data is now, if that is another place.

    Raises:
        DataError, DownloadError: as `load_data`.
    """
    options = {f.name: getattr(spec, f.name) for f in dataclasses.fields(spec)}
    return load_data(**(options if source is None else options | {"source": source}))


def find_source(source: AnySource, spec: DataSpec | None = None) -> Source:
    """The examples of any kind of source, before they are split.

    Args:
        source: the name of a data set (see `latente.data.datasets.catalogue`); or a path (see
            `latente.data.files.read`): a `pathlib.Path`, or text that names no data set, or that contains a folder or
            a suffix, as ``./mnist`` or ``mnist.npz``; or an array x of shape (n, ...); or a tuple (x, y) with labels y
            of shape (n,) (see `latente.data.files.from_arrays`); or a pandas frame in place of x (see
            `latente.data.tables.from_frame`); or a source, as `latente.data.factors.draw` returns. The path may be
            that of dSprites' file.
        spec: how to treat missing values, text and condition columns (see `latente.data.files.read`).

    Raises:
        DataError: neither a known name nor an existing path, or data that cannot be read.
        DownloadError: a named data set that could not be downloaded.
    """
    spec = spec or DataSpec()
    if isinstance(source, str):
        if is_path(source):
            return _read(source, spec)
        if source in datasets.DATA_SETS:
            check_is_table(source, spec, table=False, text=False)
            return arranged(datasets.DATA_SETS.make(source), spec)
        # Unlike `Path.exists` it is False, too, for a name that no file can have.
        if os.path.exists(source):  # noqa: PTH110
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
    """Whether a source can only be a path: it contains a folder or a suffix, as ``./mnist`` or ``mnist.npz``."""
    return bool(Path(source).suffix) or any(s and s in source for s in (os.sep, os.altsep))


def left_out(spec: DataSpec) -> Source:
    """The examples that ``spec.without`` leaves out of every part.

    Raises:
        DataError, DownloadError: as `find_source`; or nothing is left out.
    """
    if not spec.without:
        raise DataError('nothing is left out; train with data that leaves a label out (without = ["3"])')
    if spec.source == ARRAYS:
        raise DataError("the data was given as arrays, which are not kept; give the left-out examples as a file")
    found = find_source(spec.source, spec)
    return drop_classes(found, [c for c in found.classes if c not in spec.without])


def _origin(source: AnySource) -> str:
    """What the source can be read from again: a name, or an absolute path."""
    if isinstance(source, str) and (not source.strip() or source in datasets.DATA_SETS):
        return source
    return str(Path(source).expanduser().absolute()) if isinstance(source, str | os.PathLike) else ARRAYS


def _read(path: str | os.PathLike[str], spec: DataSpec) -> Source:
    if factors.is_dsprites(path):
        check_is_table(str(path), spec, table=False, text=False)
        return arranged(factors.read_dsprites(path), spec)
    return files.read(path, spec)


def _frame(x: Any) -> Any:
    """A pandas frame, also from what can become one (Polars, Arrow); None for anything else."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(x, pandas.DataFrame):
        return x
    try:
        return x.to_pandas() if hasattr(x, "to_pandas") and hasattr(x, "columns") else None
    except Exception as error:  # another library may raise anything
        raise DataError(
            f"arrays: the frame cannot be converted to pandas ({' '.join(str(error).split())[:160]})"
        ) from error
