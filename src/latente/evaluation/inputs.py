"""What people hand to a run, checked and as its model takes it: examples, and what a conditional model is given."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.conditions import conditions_of, encode_rows
from latente.data.source import DataColumn
from latente.data.tables import rows_of
from latente.data.units import Units
from latente.errors import DataError, LatenteWarning, SpecError, unknown
from latente.model.autoencoder import Autoencoder
from latente.spec import DataSpec

Floats = NDArray[np.float32]

FAR = 10.0
"""So many standard deviations from the training mean, a condition is not likely to be standardised."""


def model_values(
    x: Any, model: Autoencoder, spec: DataSpec, card: dict[str, Any], units: Units, *, scaled: bool
) -> Floats:
    """Examples as a person has them (an array, lists or a frame), as model values, shape (n, *shape).

    Raises:
        DataError: as `latente.evaluation.run.Run.encode`.
    """
    x = _shaped(_rows(x, card), model, spec)
    values = units.read(x, scaled=scaled)
    fine = np.isfinite(values) | (np.isnan(values) if model.missing else False)
    if not fine.all():
        raise DataError("examples: got NaN or infinite values; allowed: finite numbers")
    try:
        model.likelihood.check(values, model.shape)
    except DataError as error:
        # What follows the semicolon is advice for training.
        reason = str(error).partition(";")[0]
        raise DataError(f"examples: {reason}; this run takes {units.accepted}") from None
    if not scaled and (doubt := units.warning(units.shaped(x))):
        warnings.warn(doubt, LatenteWarning, stacklevel=4)
    return values


def model_context(given: Any, n: int, condition: str, size: int, card: dict[str, Any]) -> Floats | None:
    """What a conditional model is given beside n examples, shape (n, size), of what people give (see
    `latente.evaluation.run.Run.encode`); None where nothing is given.

    Raises:
        SpecError: something is given to a model that is not conditioned on anything (of size 0).
        DataError: a class or value that there is not, or another shape.
    """
    if not size:
        if given is not None:
            raise SpecError('given: this model is not conditioned on anything; leave it out (condition = "none")')
        return None
    if given is None:
        return None
    if condition != "columns":
        found = np.asarray(given)
        if found.dtype.kind in "UO" and found.ndim == 1:
            found = np.array([_class(name, card) for name in found])
        if found.shape != (n,) or found.dtype.kind not in "iuf" or not np.isin(found, np.arange(size)).all():
            raise DataError(
                f"given: got shape {found.shape}; allowed: {n} class numbers of 0 to {size - 1}, or classes' names"
            )
        return np.eye(size, dtype=np.float32)[found.astype(np.int64)]
    if isinstance(given, list | tuple) and not all(isinstance(row, np.ndarray) for row in given):
        encoded = encode_rows(conditions_of(card), given)
    else:
        encoded = np.asarray(given, np.float32)
    if encoded.shape != (n, size) or not np.isfinite(encoded).all():
        raise DataError(
            f"given: got shape {encoded.shape}; allowed: ({n}, {size}) finite numbers, as run.given(rows) gives"
        )
    far = float(np.median(np.abs(encoded), axis=0).max())
    if far > FAR:
        warnings.warn(
            f"given: lies {far:.0f} standard deviations from the training part's mean, for an array is taken as "
            "standardised; of values as they were found, run.given(rows) makes one",
            LatenteWarning,
            stacklevel=4,
        )
    return encoded


def _rows(x: Any, card: dict[str, Any]) -> Any:
    """The rows of a frame as they are stored, its columns found by their names; anything else as it is."""
    names, texts = card.get("features"), card.get("categories", {})
    if not hasattr(x, "iloc") or not names:
        return x
    return rows_of(x, [DataColumn(name, tuple(texts.get(name, ()))) for name in names])


def _shaped(x: Any, model: Autoencoder, spec: DataSpec) -> Any:
    """Rows of pixels as images, where the data was read so (``shape`` of its spec)."""
    asked = spec.shape
    size = np.shape(x)[1:] if asked and isinstance(x, np.ndarray | list | tuple) else ()
    if size != (math.prod(asked),) or len(model.shape) == 1:
        return x
    images = np.reshape(x, (-1, *asked))
    return np.moveaxis(images, 1, -1) if spec.layout == "channels-first" else images


def _class(name: object, card: dict[str, Any]) -> int:
    classes = [str(c) for c in card["classes"]]
    if str(name) not in classes:
        raise DataError(f"given: {unknown('class', name, classes)}")
    return classes.index(str(name))
