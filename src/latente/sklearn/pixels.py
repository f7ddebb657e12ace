"""Arrays of images for an estimator: rows of pixels as model values of 0 to 1 in an image's shape, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.errors import DataError

LEAST = 64
"""Columns of an array that is taken for images by its values."""
TOPS = (1, 16, 255)
"""The value of white that an array may have: 1, 16 (scikit-learn's digits) or 255."""


@dataclass(frozen=True)
class PixelSchema:
    """How an estimator reads rows of pixels; the counterpart of `latente.data.table_schema.TableSchema` for images.

    Attributes:
        shape: of one image, (height, width) or (height, width, channels); (pixels,) where it is not known.
        top: the value that stands for white, one of `TOPS`.
        dtype: of the array that it was learnt from; images come back in it.
    """

    shape: tuple[int, ...]
    top: int
    dtype: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(f"x{i}" for i in range(math.prod(self.shape)))

    def encode(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Rows of pixels, shape (n, pixels), as model values, shape (n, *shape); NaN stays NaN.

        Raises:
            DataError: values below 0 or above `top`.
        """
        low, high = (float(end.reduce(x, axis=None)) for end in (np.fmin, np.fmax))
        if low < 0 or high > self.top:
            raise DataError(
                f"X: got pixels from {low:g} to {high:g}; allowed: 0 to {self.top}, as the images of fit had them"
            )
        rows = x.reshape(len(x), *self.shape)
        values: NDArray[np.float32] = np.multiply(rows, np.float32(1 / self.top), dtype=np.float32, casting="same_kind")
        return values

    def decode(self, values: NDArray[np.floating]) -> NDArray[Any]:
        """Model values, shape (n, *shape), as rows of pixels, shape (n, pixels), with the data type of fit."""
        pixels = np.asarray(values, np.float32).reshape(len(values), -1) * np.float32(self.top)
        kind = np.dtype(self.dtype)
        if kind.kind in "iu":
            pixels = np.rint(np.clip(pixels, 0, self.top))
        return pixels.astype(kind)

    def likelihood(self) -> str:
        """A Bernoulli of each pixel."""
        return "bernoulli"

    def summary(self) -> list[tuple[str, str]]:
        """What was found, as (label, text)."""
        size = " × ".join(map(str, self.shape))
        return [("columns", f"images of {size} pixels from 0 to {self.top}: a Bernoulli each")]

    def table(self) -> dict[str, Any]:
        """For JSON."""
        return {"shape": list(self.shape), "top": self.top, "dtype": self.dtype}

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> PixelSchema:
        """What `table` wrote, which may be a stranger's.

        Raises:
            ValueError: it is anything else.
        """
        shape, top, dtype = table.get("shape"), table.get("top"), table.get("dtype")
        sizes = shape if isinstance(shape, list) and all(type(n) is int and 0 < n < 2**20 for n in shape) else []
        if not 1 <= len(sizes) <= 3 or top not in TOPS or dtype not in _TYPES or len(table) != 3:
            raise ValueError(f"{dict(table)!r:.80} describes no images")
        return cls(tuple(sizes), int(top), str(dtype))


_TYPES = tuple(np.dtype(t).name for t in "?bBhHiIlLefd")


def learn_pixels(x: NDArray[Any], image_shape: Any = None) -> PixelSchema | None:
    """How to read an array if it looks like images; None if it does not.

    It does if it is of bytes (uint8), or has at least `LEAST` columns that all lie in 0 to 1, or hold nothing but whole
    numbers in 0 to 255. White is 1, 16 or 255, the first that no pixel is above (255 for any other bytes than 0 and 1).

    Args:
        x: shape (n, columns).
        image_shape: of one image; True to take any array for images, False for none; None to look at the values. A
            square number of columns is taken for a square image.

    Raises:
        DataError: an ``image_shape`` of another size, or values that are no pixels although it says so.
    """
    if image_shape is False or x.dtype.kind not in "biuf":
        return None
    count, sought = x.shape[1], image_shape is None
    if sought and x.dtype != np.uint8 and count < LEAST:
        return None
    if image_shape is None or image_shape is True:
        side = math.isqrt(count)
        shape: tuple[int, ...] = (side, side) if side * side == count and side > 1 else (count,)
    else:
        shape = _shape(image_shape, count)
    low, high = (float(end.reduce(x, axis=None)) for end in (np.fmin, np.fmax))
    whole = x.dtype.kind in "biu" or not bool(np.any(np.mod(x, 1) > 0))
    fine = low >= 0 and (high <= 1 or (high <= TOPS[-1] and whole))
    if not fine and sought:
        return None
    if not fine:
        raise DataError(
            f"X: got {'' if whole else 'fractions '}from {low:g} to {high:g} with image_shape = {image_shape!r}; "
            "allowed: pixels of 0 to 1, or whole numbers of 0 to 255; leave it out for any other numbers"
        )
    bytes_ = x.dtype == np.uint8 and high > 1
    top = TOPS[-1] if bytes_ and sought else next(t for t in TOPS if high <= t)
    return PixelSchema(shape, top, x.dtype.name)


def _shape(given: Any, count: int) -> tuple[int, ...]:
    try:
        shape = tuple(int(n) for n in given)
    except (TypeError, ValueError):
        shape = ()
    if not 1 <= len(shape) <= 3 or min(shape) < 1 or math.prod(shape) != count:
        raise DataError(
            f"image_shape: got {given!r} for {count} columns; allowed: (height, width) or (height, width, channels) "
            "whose product is the number of columns; True, False or None"
        )
    return shape
