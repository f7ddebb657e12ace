"""Examples of something else than what a model was trained on: made from its own data, or another data set."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.load import find_source, left_out
from latente.data.notes import log_notes
from latente.data.split import PARTS, Data, Split
from latente.errors import DataError, DownloadError
from latente.evaluation.batching import subsample
from latente.model.likelihoods import Likelihood

Rows = NDArray[Any]

SEED = 0x6F7574

AUTO = "auto"

LEFT_OUT = "left-out"
"""The examples of the labels that the run's data was read without (``without`` of its data)."""

OWN = 0.1
"""Above this share of outliers that the run's own data has too, they are refused."""


def choose(data_name: str, shape: tuple[int, ...], without: Sequence[str], against: str) -> str:
    """What "auto" stands for: labels that were left out, if any; among 28×28 images the other of digits and clothes;
    "shuffled" values for all else."""
    if against != AUTO:
        return against
    if without:
        return LEFT_OUT
    if shape != (28, 28):
        return "shuffled"
    return "mnist-5k" if "fashion" in data_name.lower() else "fashion-mnist"


def title(against: str) -> str:
    """A short name: that of a data set, or of a file or folder without what surrounds it."""
    return against if against in MADE or not Path(against).suffix else Path(against).stem


def outliers(data: Data, part: Split, against: str, most: int, likelihood: Likelihood) -> NDArray[np.float32]:
    """At most so many examples of something else, as model values of shape (n, *shape).

    Args:
        data: what the model was trained on.
        part: the part that inliers are taken from.
        against: one of `MADE`, or `LEFT_OUT`, or a named data set or path, whose test part is taken where it has one.
        most: how many.
        likelihood: the model's, whose support they must lie in.

    Raises:
        DataError, DownloadError: the source cannot be read, has another shape or kind of values, or is the run's own.
    """
    if against in MADE:
        chosen = part.x[subsample(len(part.x), most, SEED + 1, permuted=True)]
        return data.values(MADE[against](chosen, data, np.random.default_rng(SEED)))
    if against == LEFT_OUT:
        found = left_out(data.spec)
    else:
        try:
            found = find_source(against, dataclasses.replace(data.spec, source=against, condition=(), without=()))
        except DownloadError as error:
            here = f"or set outliers.against to what needs no download: {', '.join(MADE)}, or a file of yours"
            raise DownloadError(f"{error}; {here}") from None
        log_notes(found.notes)
    x = found.x if found.x_test is None else found.x_test
    name = f'against = "{title(against)}"'
    if x.shape[1:] != data.shape:
        raise DataError(
            f"{name}: has examples of shape {x.shape[1:]} and the run of {data.shape}; give data of the same shape, "
            f"or one of {', '.join(MADE)}"
        )
    x = x[subsample(len(x), most, SEED, permuted=True)]
    if np.uint8 not in (x.dtype, data.train.x.dtype):
        x = x.astype(data.train.x.dtype)
    if x.dtype == data.train.x.dtype and (x.dtype != np.uint8 or _same_scale(found.maximum, data)):
        if _shared(x, data) > OWN * len(x):
            raise DataError(f"{name}: its examples are those of the run's own data; give other data")
        values = data.values(x)
    elif data.spec.scale == "unit":
        values = np.asarray(x, np.float32) / np.float32(found.maximum if x.dtype == np.uint8 else 1)
    else:
        raise DataError(
            f'{name}: is {x.dtype} and the run\'s data {data.train.x.dtype}; with scale "{data.spec.scale}" they '
            "must agree"
        )
    try:
        likelihood.check(values, data.shape)
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    return values


def _shuffled(x: Rows, data: Data, rng: np.random.Generator) -> Rows:
    """Each value taken from another example: the same values at each place, and nothing that binds them."""
    return np.asarray(rng.permuted(x.reshape(len(x), -1), axis=0).reshape(x.shape))


def _inverted(x: Rows, data: Data, rng: np.random.Generator) -> Rows:
    """Highest plus lowest value, less the value."""
    low, high = (np.asarray(end, np.float64) for end in _ends(data))
    return np.asarray(high + low - x, x.dtype)


def _noise(x: Rows, data: Data, rng: np.random.Generator) -> Rows:
    """Uniform between the lowest and the highest value."""
    low, high = _ends(data)
    if x.dtype == np.uint8:
        return rng.integers(low, np.asarray(high, int) + 1, x.shape).astype(np.uint8)
    return rng.uniform(low, high, x.shape).astype(x.dtype)


MADE: dict[str, Callable[[Rows, Data, np.random.Generator], Rows]] = {
    "shuffled": _shuffled,
    "inverted": _inverted,
    "noise": _noise,
}
"""Outliers made of the run's own examples."""


def _ends(data: Data) -> tuple[Rows, Rows]:
    """The lowest and highest value of the training part: of each column of a table, of all pixels of images."""
    axis = 0 if data.train.x.ndim == 2 else None
    return np.nanmin(data.train.x, axis=axis), np.nanmax(data.train.x, axis=axis)


def _same_scale(maximum: float, data: Data) -> bool:
    return data.spec.scale != "unit" or bool(np.isclose(data.multiplier * maximum, 1))


def _shared(x: Rows, data: Data) -> int:
    wanted = {row.tobytes() for row in x}
    own: set[bytes] = set()
    for part in PARTS:
        own |= wanted.intersection(row.tobytes() for row in data.part(part).x)
    return sum(row.tobytes() in own for row in x)
