"""Tables as values: shown in a page, as CSV, or on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from latente.plain import csv_text, one_line
from latente.terminal import width

if TYPE_CHECKING:
    from latente.evaluation.evaluate import Metric
    from latente.language.words import Words

MISSING = "–"

NATS, FINE = ".2f", ".4f"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: its own; ``group`` the title that it shares with its neighbours.
        numeric: its cells stand on the right.
        error: they have errors, which a CSV has in a column of their own.
        unbroken: on a terminal they are not broken over lines.
    """

    title: str
    group: str = ""
    numeric: bool = True
    error: bool = False
    unbroken: bool = False


@dataclass(frozen=True)
class Cell:
    """What is shown, and the plain values for CSV (None for what there is not)."""

    text: str
    error: str = ""
    value: float | str | None = None
    error_value: float | None = None

    def __str__(self) -> str:
        return f"{self.text} ± {self.error}" if self.error else self.text


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row names the row."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def groups(self) -> list[tuple[str, list[Column]]]:
        """Neighbouring columns of the same group together."""
        found: list[tuple[str, list[Column]]] = []
        for column in self.columns:
            if found and column.group and found[-1][0] == column.group:
                found[-1][1].append(column)
            else:
                found.append((column.group, [column]))
        return found

    def csv(self) -> str:
        """Comma-separated, with a point for the decimal mark in every language; an error is a column of its own."""
        header: list[str] = []
        for column in self.columns:
            title = f"{column.group}: {column.title}" if column.group else column.title
            header += [title, f"{title} ±"] if column.error else [title]
        rows: list[list[object]] = []
        for row in self.rows:
            rows.append([])
            for column, cell in zip(self.columns, row, strict=True):
                rows[-1] += [cell.value, cell.error_value] if column.error else [cell.value]
        return csv_text(header, rows)

    def terminal(self, *, rule: bool = True, fold: bool = True) -> str:
        """As plain text, the caption above and the notes below; one value under the other where the terminal is narrow.

        None of it is taken as markup, and control characters are written as escapes.

        Args:
            rule: with a line below the titles.
            fold: break the caption and the notes into lines, as wide as the terminal.
        """
        texts = [one_line(text) for text in (self.caption, *self.notes)]
        caption, *notes = [_folded(text, width()) for text in texts] if fold else texts
        return "\n".join(text for text in (caption, self._body(rule), *notes) if text)

    def _body(self, rule: bool) -> str:
        from rich import box
        from rich.cells import cell_len
        from rich.console import Console
        from rich.measure import Measurement
        from rich.table import Table as RichTable
        from rich.text import Text

        heads = [one_line(column.title) for column in self.columns]
        cells = [[one_line(cell) for cell in row] for row in self.rows]
        console = Console(
            width=width(), color_system=None, force_terminal=False, force_jupyter=False, legacy_windows=False
        )
        table = RichTable(box=box.SIMPLE_HEAD if rule else None, pad_edge=False, collapse_padding=rule)
        for i, column in enumerate(self.columns):
            # A column is as wide as its longest word at least, or its longest cell: nothing is ever cut.
            texts = [heads[i], *(row[i] for row in cells)]
            parts = texts if column.unbroken else [word for text in texts for word in text.split()]
            justify: Literal["left", "right"] = "right" if column.numeric else "left"
            least = max(map(cell_len, parts), default=1)
            table.add_column(Text(heads[i]), justify=justify, no_wrap=column.unbroken, min_width=least)
        for row in cells:
            table.add_row(*map(Text, row))
        if Measurement.get(console, console.options.update(max_width=10_000), table).minimum > console.width:
            return "\n".join(_stacked(heads, row, console.width) for row in cells)
        with console.capture() as captured:
            console.print(table)
        return "\n".join(line.rstrip() for line in captured.get().splitlines() if line.strip())


def text_table(titles: Sequence[str], rows: Iterable[Iterable[object]]) -> Table:
    """A table of words; the first column names the rows and is not broken."""
    columns = tuple(Column(title, numeric=False, unbroken=i == 0) for i, title in enumerate(titles))
    return Table("", "", columns, tuple(tuple(map(text_cell, row)) for row in rows))


def nats(words: Words, metric: Metric | None, form: str = NATS) -> Cell:
    """A metric as a cell, with its standard error."""
    if metric is None:
        return Cell(MISSING)
    value, error = metric.value, metric.standard_error
    return Cell(words.number(value, form), words.number(error, form), value, error)


def count(words: Words, number: int) -> Cell:
    """A whole number, its thousands apart."""
    return Cell(words.number(number, ",d"), value=number)


def text_cell(value: object) -> Cell:
    """A cell of words."""
    return Cell(str(value), value=str(value))


def _stacked(heads: Sequence[str], row: Sequence[str], wide: int) -> str:
    found = [_folded(f"{heads[0]}: {row[0]}" if heads[0] else row[0], wide)]
    for head, cell in zip(heads[1:], row[1:], strict=True):
        if cell:
            found.append(_folded(f"{head}: {cell}" if head else cell, wide, "  "))
    return "\n".join(found)


def _folded(text: str, wide: int, indent: str = "") -> str:
    fold = textwrap.TextWrapper(wide, indent, 2 * indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(fold.wrap(text))
