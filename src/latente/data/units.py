"""From a data set's own values to those a model sees, and back: small enough to be saved with every run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.errors import DataError

ROUNDING = 1e-5
"""How far outside 0..1 a value may lie through rounding alone."""
NARROW = 0.05
"""If 1 is less than this share of the data's range, numbers that all lie within 0..1 may be model values."""


def span_of(low: float, high: float) -> tuple[float, float]:
    """The model values drawn as black and as white, for images with values from ``low`` to ``high``.

    0 and 1 if all values lie between them; otherwise the two ends.
    """
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return float(low), float(high) if high > low else float(low) + 1


@dataclass(frozen=True)
class Units:
    """How examples are stored, and how a model sees them: ``x * multiplier + offset``.

    Attributes:
        shape: of one example.
        bytes: whether examples are stored as bytes (uint8); otherwise as floats.
        multiplier, offset: scalars, or arrays of the example's shape.
        clip: whether model values are clipped to 0..1.
    """

    shape: tuple[int, ...]
    bytes: bool
    multiplier: NDArray[np.floating]
    offset: NDArray[np.floating]
    clip: bool = False

    @property
    def identity(self) -> bool:
        """Whether a model sees the values as they are stored."""
        return not self.clip and bool(np.all(self.multiplier == 1) and np.all(self.offset == 0))

    @property
    def accepted(self) -> str:
        """What `read` accepts, for messages."""
        if self.identity:
            return "the data's own values"
        if self.bytes:
            return "bytes of 0 to 255 as they were read, or floats of 0 to 1"
        return "the data's own values, as they were read; or model values, with scaled=True"

    def values(self, x: NDArray[np.generic]) -> NDArray[np.float32]:
        """Stored examples as a model sees them, float32."""
        # In double precision where single precision cannot tell the values apart (`latente.data.precision`).
        scaled = np.asarray(x, self.multiplier.dtype) * self.multiplier + self.offset
        values = np.asarray(scaled, np.float32)
        return np.clip(values, 0, 1) if self.clip else values

    def read(self, x: object, *, scaled: bool = False) -> NDArray[np.float32]:
        """A user's examples as a model sees them; shape (n, *shape), NaN stays NaN.

        The numbers are in the data's own units, of any type, and are converted by `values`. For data stored as bytes,
        whole numbers from 0 to 255 are bytes, also as floats; floats that all lie within 0..1 are taken as model
        values; any others are refused.

        Args:
            x: examples, shape (n, *shape); images may have a channel axis of 1, or their channels first.
            scaled: whether the numbers are model values already.

        Raises:
            DataError: examples of another shape, no numbers, or numbers that are neither.
        """
        found = self.shaped(x)
        if scaled or self.identity:
            return found.astype(np.float32)
        if not self.bytes:
            return self.values(found)
        if found.dtype == bool:
            raise DataError(f"examples: got true and false; allowed: {self.accepted}")
        if found.dtype.kind == "f":
            low, high = (float(end.reduce(found, axis=None)) for end in (np.fmin, np.fmax))
            if low >= 0 and high <= 1:
                return found.astype(np.float32)
            # NaN is a missing value, and says nothing about the others.
            whole = bool(np.all(np.isnan(found) | (found == np.round(found))))
        else:
            low, high, whole = float(found.min()), float(found.max()), True
        if not whole or low < 0 or high > 255:
            raise DataError(
                f"examples: got {'' if whole else 'fractions '}from {low:g} to {high:g}; allowed: {self.accepted}; "
                "or any model values, with scaled=True"
            )
        return self.values(found)

    def warning(self, x: NDArray[Any]) -> str:
        """A warning if examples, shape (n, *shape), are probably not in the data's own units; otherwise ""."""
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
        """Model values, shape (n, *shape), in the data's own units: rounded to bytes, or floats."""
        found = (np.asarray(values, np.float64) - self.offset) / self.multiplier
        if not self.bytes:
            return np.asarray(found, self.multiplier.dtype)
        # A source's bytes may end at 16 or at 1.
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
        # As when images are read: an axis of one channel is dropped, and channels come last.
        given, images = found.shape[1:], len(self.shape) in (2, 3)
        if len(self.shape) == 2 and given in ((*self.shape, 1), (1, *self.shape)):
            found = found.reshape(len(found), *self.shape)
        elif images and given != self.shape and given == (self.shape[-1], *self.shape[:-1]) and len(given) == 3:
            found = np.moveaxis(found, 1, -1)
        if found.ndim != len(self.shape) + 1 or found.shape[1:] != self.shape or len(found) == 0:
            hint = "; one example alone is x[None]" if found.shape == self.shape else ""
            raise DataError(f"examples: got shape {found.shape}; allowed: (n, {', '.join(map(str, self.shape))}){hint}")
        return found
