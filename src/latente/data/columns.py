"""What kind of values the columns of a table hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latente.data.split import Data
from latente.errors import DataError


def column_kinds(data: Data) -> list[str]:
    """Suggested ``columns`` for likelihood "mixed", from the training part's values as a model sees them.

    A column of text is "categorical:K", where K counts its different texts in all of the data. A column of numbers is
    "binary" if its values that are not missing are all 0 or 1, "count" if they are whole numbers of at least 0, and
    otherwise "real". Categories written as numbers look like counts; the user must name them.

    Raises:
        DataError: the examples are not rows of a table.
    """
    if len(data.shape) != 1:
        raise DataError(f"{data.name}: examples have shape {data.shape}; allowed: a table, of examples that are rows")
    values = data.values(data.train.x)
    kinds = [_kind(column[~np.isnan(column)]) for column in values.T]
    for i, column in enumerate(data.features):
        if column.categories:
            # A softmax has at least two outputs, even if all rows hold the same text.
            kinds[i] = f"categorical:{max(len(column.categories), 2)}"
    return kinds


def _kind(values: NDArray[np.float32]) -> str:
    if ((values == 0) | (values == 1)).all():
        return "binary"
    return "count" if ((values >= 0) & (values == np.round(values))).all() else "real"
