"""The first rows of a table of data, as its reader knows them."""

from __future__ import annotations

import numpy as np

from latente.data.split import Data
from latente.language.words import Words
from latente.report.tables.table import MISSING, Cell, Column, Table, text_cell

ROWS, COLUMNS = 6, 10


def examples(data: Data, words: Words) -> Table:
    """The first training examples with at most so many of their columns, as stored, and their class."""
    x = np.asarray(data.train.x[:ROWS])
    x = x.reshape(len(x), -1)
    names = [f.name for f in data.features] or [str(i + 1) for i in range(x.shape[1])]
    shown = min(COLUMNS, x.shape[1], len(names))
    y = data.train.y
    titles = [words("report.column.example"), *names[:shown], *([] if y is None else [words("report.column.class")])]
    rows = []
    for number, row in enumerate(x):
        cells = [text_cell(number + 1)]
        cells += [_value(float(v), i, data, words) for i, v in enumerate(row[:shown])]
        if y is not None:
            cells.append(text_cell(data.classes[y[number]]))
        rows.append(tuple(cells))
    columns = tuple(Column(title, numeric=0 < i <= shown) for i, title in enumerate(titles))
    left = x.shape[1] - shown
    notes = (words("report.note.columns", left=left),) if left else ()
    return Table("examples", words("report.caption.examples"), columns, tuple(rows), notes)


def _value(value: float, column: int, data: Data, words: Words) -> Cell:
    if np.isnan(value):
        return Cell(MISSING)
    categories = data.features[column].categories if column < len(data.features) else ()
    if categories and value.is_integer() and 0 <= value < len(categories):
        return text_cell(categories[int(value)])
    return Cell(words.number(value, ".4g"), value=value)
