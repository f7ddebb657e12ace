"""From a data set's own numbers to those a model sees, and back: small enough to be kept with every run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.errors import DataError

ROUNDING = 1e-5
"""How far beyond 0..1 a value may lie by rounding alone."""
NARROW = 0.05
"""Numbers of which 1 is less than this share of the data's range: all within 0..1, they may be model values."""


def span_of(low: float, high: float) -> tuple[float, float]:
    """The model values that are drawn black and white, of images whose values go from ``low`` to ``high``.

    0 and 1 where all of them lie there; else the two ends.
    """
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return float(low), float(high) if high > low else float(low) + 1


@dataclass(frozen=True)
class Units:
    """How examples are stored, and how a model sees them: ``x * multiplier + offset``.

    Attributes:
        shape: of one example.
        bytes: whether they are stored as bytes (uint8); otherwise they are floats.
        multiplier, offset: scalars, or arrays of the example's shape.
        clip: whether model values are held to 0..1.
    """

    shape: tuple[int, ...]
    bytes: bool
    multiplier: NDArray[np.floating]
    offset: NDArray[np.floating]
    clip: bool = False

    @property
    def identity(self) -> bool:
        """Whether a model sees the numbers as they are stored."""
        return not self.clip and bool(np.all(self.multiplier == 1) and np.all(self.offset == 0))

    @property
    def told(self) -> str:
        """What `read` takes, for messages."""
        if self.identity:
            return "the data's own values"
        if self.bytes:
            return "bytes of 0 to 255 as they were read, or floats of 0 to 1"
        return "the data's own values, as they were read; or model values, with scaled=True"

    def values(self, x: NDArray[np.generic]) -> NDArray[np.float32]:
        """Stored examples as a model sees them, float32."""
        # In double precision where single cannot tell the numbers apart (`latente.data.precision`).
        scaled = np.asarray(x, self.multiplier.dtype) * self.multiplier + self.offset
        values = np.asarray(scaled, np.float32)
        return np.clip(values, 0, 1) if self.clip else values

    def read(self, x: object, *, scaled: bool = False) -> NDArray[np.float32]:
        """Examples as a person has them, as a model sees them; shape (n, *shape), NaN where it was NaN.

        The numbers are the data's own, of whatever type, as they were read: `values` of them. Of data stored as bytes
        whole numbers of 0 to 255 are bytes; floats that all lie within 0..1 are taken as model values (for whole
        floats beyond that are bytes, and others are refused).

        Args:
            x: examples, shape (n, *shape); images may have an axis of 1 for the channel, or their channels first.
            scaled: the numbers are model values.

        Raises:
            DataError: examples of another shape, no numbers, or numbers that are neither.
        """
        found = self.shaped(x)
        if scaled or self.identity:
            return found.astype(np.float32)
        if not self.bytes:
            return self.values(found)
        if found.dtype == bool:
            raise DataError(f"examples: got true and false; allowed: {self.told}")
        if found.dtype.kind == "f":
            low, high = (float(end.reduce(found, axis=None)) for end in (np.fmin, np.fmax))
            if low >= 0 and high <= 1:
                return found.astype(np.float32)
            # NaN is what is missing, and says nothing of the others.
            whole = bool(np.all(np.isnan(found) | (found == np.round(found))))
        else:
            low, high, whole = float(found.min()), float(found.max()), True
        if not whole or low < 0 or high > 255:
            raise DataError(
                f"examples: got {'' if whole else 'fractions '}from {low:g} to {high:g}; allowed: {self.told}; "
                "or any model values, with scaled=True"
            )
        return self.values(found)

    def doubt(self, x: NDArray[Any]) -> str:
        """A sentence on examples in the data's own units, shape (n, *shape), that hardly are; "" where all is well."""
        if self.bytes or self.identity:
            return ""
        if self.clip:
            free = np.asarray(x, self.multiplier.dtype) * self.multiplier + self.offset
            beyond = int(((free < -ROUNDING) | (free > 1 + ROUNDING)).sum())
            if beyond:
                return (
                    f"{beyond} of {x.size} values lie beyond the range of the training part, and are held to it; "
                    "say scaled=True where they are model values"
                )
        wide = np.broadcast_to(np.abs(self.multiplier) < NARROW, x.shape)
        fractions = (x != np.round(x)) & ~np.isnan(x)
        if x.dtype.kind == "f" and not ((x < 0) | (x > 1)).any() and (wide & fractions).any():
            return (
                "all values lie within 0 to 1, which is little of what the data has: they are taken as the data's own; "
                "say scaled=True where they are model values"
            )
        return ""

    def restored(self, values: NDArray[np.floating]) -> NDArray[Any]:
        """Model values, shape (n, *shape), in the data's own units: bytes rounded to whole ones, all else floats."""
        found = (np.asarray(values, np.float64) - self.offset) / self.multiplier
        if not self.bytes:
            return np.asarray(found, self.multiplier.dtype)
        # Of a source whose bytes go to 16 or to 1, none is higher.
        plain = not self.clip and self.multiplier.ndim == 0 and self.multiplier < 1
        top = min(round(1 / float(self.multiplier)), 255) if plain else 255
        return np.asarray(np.rint(np.clip(found, 0, top)), np.uint8)

    def shaped(self, x: object) -> NDArray[Any]:
        """Numbers as an array of shape (n, *shape); arguments and errors as `read`."""
        try:
            found = np.asarray(x)
        except Exception as error:  # an object's own __array__ may raise anything
            raise DataError(f"examples: are not an array ({' '.join(str(error).split())[:160]})") from None
        if found.dtype.kind not in "buif":
            raise DataError(f"examples: got {found.dtype} values; allowed: numbers")
        # As images are read: an axis of one channel is dropped, and channels come last.
        given, images = found.shape[1:], len(self.shape) in (2, 3)
        if len(self.shape) == 2 and given in ((*self.shape, 1), (1, *self.shape)):
            found = found.reshape(len(found), *self.shape)
        elif images and given != self.shape and given == (self.shape[-1], *self.shape[:-1]) and len(given) == 3:
            found = np.moveaxis(found, 1, -1)
        if found.ndim != len(self.shape) + 1 or found.shape[1:] != self.shape or len(found) == 0:
            hint = "; one example alone is x[None]" if found.shape == self.shape else ""
            raise DataError(f"examples: got shape {found.shape}; allowed: (n, {', '.join(map(str, self.shape))}){hint}")
        return found
