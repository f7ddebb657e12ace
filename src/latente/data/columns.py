"""What kind of values the columns of a table hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latente.data.split import Data
from latente.errors import DataError


def column_kinds(data: Data) -> list[str]:
    """A proposal for the ``columns`` of likelihood "mixed", from the training part's values as a model sees them.

    A column of text is "categorical:K", with the K texts it holds anywhere in the data. Of the numbers that are
    known: only 0 and 1, "binary"; only whole numbers of at least 0, "count"; any others, "real". Categories that
    are written as numbers look like counts, and are for the user to name.

    Raises:
        DataError: the examples are no rows of a table.
    """
    if len(data.shape) != 1:
        raise DataError(f"{data.name}: examples have shape {data.shape}; allowed: a table, of examples that are rows")
    values = data.values(data.train.x)
    kinds = [_kind(column[~np.isnan(column)]) for column in values.T]
    for i, column in enumerate(data.features):
        if column.categories:
            # A softmax has at least two places, also where all rows hold the same text.
            kinds[i] = f"categorical:{max(len(column.categories), 2)}"
    return kinds


def _kind(known: NDArray[np.float32]) -> str:
    if ((known == 0) | (known == 1)).all():
        return "binary"
    return "count" if ((known >= 0) & (known == np.round(known))).all() else "real"
