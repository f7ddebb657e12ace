"""What the metrics refuse, in one place: empty arrays, values that are no numbers, widths that do not match."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latente.errors import DataError
from latente.spec import got


def array(name: str, x: ArrayLike, *, least: int = 1) -> NDArray[Any]:
    """Examples along the first axis, as they are, after a check that all are finite numbers.

    Raises:
        DataError: fewer than ``least`` examples, no values in them, no numbers, or not finite ones.
    """
    a = np.asarray(x)
    if a.dtype.kind not in "fiub":
        raise DataError(f"{name}: got values of type {a.dtype}; allowed: real numbers")
    if a.ndim == 0 or len(a) < least:
        had = "a single number" if a.ndim == 0 else f"{len(a)} examples"
        raise DataError(f"{name}: got {had}; allowed: an array of at least {least}")
    if a.size == 0:
        raise DataError(f"{name}: got examples of shape {list(a.shape[1:])}, which hold no values")
    if a.dtype.kind == "f" and not np.isfinite(a).all():
        bad = int(np.count_nonzero(~np.isfinite(a).reshape(len(a), -1).all(axis=1)))
        raise DataError(f"{name}: {bad} of {len(a)} examples hold NaN or infinity; leave them out and say how many")
    return a


def rows(
    name: str,
    x: ArrayLike,
    *,
    least: int = 1,
    width: tuple[str, int] | None = None,
    kind: type[Any] | None = np.float64,
) -> NDArray[Any]:
    """Examples flattened to shape (n, values); a vector is n examples of one value.

    Args:
        name: what the array is called in messages.
        x: shape (n, ...).
        least: how many examples there must be.
        width: another array's name and number of values, which must be this one's.
        kind: of the values returned; None leaves them.

    Raises:
        DataError: as `array`, or another width.
    """
    a = array(name, x, least=least)
    flat = a.reshape(len(a), -1)
    if width is not None and flat.shape[1] != width[1]:
        raise DataError(
            f"{name}: has {flat.shape[1]} values an example, but {width[0]} has {width[1]}; give equal ones"
        )
    return flat if kind is None else np.asarray(flat, kind)


def vector(name: str, x: ArrayLike, *, least: int = 1, length: tuple[str, int] | None = None) -> NDArray[np.float64]:
    """One number an example, float64, shape (n,).

    Raises:
        DataError: as `array`, another number of axes, or another length than that of the array named.
    """
    a = array(name, x, least=least)
    if a.ndim != 1:
        raise DataError(f"{name}: got shape {list(a.shape)}; allowed: one number an example, shape [n]")
    _same_length(name, a, length)
    return a.astype(np.float64)


def labels(name: str, y: ArrayLike, *, length: tuple[str, int] | None = None, classes: int = 0) -> NDArray[np.int64]:
    """One class an example, shape (n,), each from 0 on and, if ``classes`` is given, below it.

    Raises:
        DataError: as `vector`, or labels that are no such numbers.
    """
    a = array(name, y)
    if a.ndim != 1 or a.dtype.kind not in "iu":
        raise DataError(f"{name}: got {a.dtype}{list(a.shape)}; allowed: whole numbers of shape [n], one class each")
    _same_length(name, a, length)
    low, high = int(a.min()), int(a.max())
    if low < 0 or (classes and high >= classes):
        top = f" to {classes - 1}" if classes else " up"
        raise DataError(f"{name}: got labels from {low} to {high}; allowed: 0{top}")
    return a.astype(np.int64)


def pair(name: str, x: ArrayLike, other: str, y: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two arrays that hold the same examples, of equal shapes.

    Raises:
        DataError: as `array`, or different shapes.
    """
    a, b = array(name, x), array(other, y)
    if a.shape != b.shape:
        raise DataError(f"{name} has shape {list(a.shape)} but {other} {list(b.shape)}; give the same examples in both")
    return a, b


def whole(name: str, value: int, low: int, high: int | None = None, why: str = "") -> int:
    """A whole number in low..high, both included.

    Raises:
        SpecError: another type or range; ``why`` says where the range comes from.
    """
    fine = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if high is None and not (fine and low <= value):
        raise got(name, value, f"a whole number of at least {low}")
    if high is not None and not (fine and low <= value <= high):
        raise got(name, value, f"a whole number from {low} to {high}{f', {why}' if why else ''}")
    return int(value)


def _same_length(name: str, a: NDArray[Any], length: tuple[str, int] | None) -> None:
    if length is not None and len(a) != length[1]:
        raise DataError(f"{name}: has {len(a)} examples, but {length[0]} has {length[1]}; give one for each")
