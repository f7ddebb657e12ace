"""Tables as values: shown in a page, as CSV, or on a terminal."""

from __future__ import annotations

from dataclasses import dataclass

from latente.evaluation.evaluate import Metric
from latente.language.words import Words
from latente.plain import csv_text, one_line
from latente.terminal import drawn

MISSING = "–"

NATS, FINE = ".2f", ".4f"


@dataclass(frozen=True)
class Column:
    """A column: its title, the title that it shares with its neighbours, and whether its cells have errors."""

    title: str
    group: str = ""
    numeric: bool = True
    error: bool = False


@dataclass(frozen=True)
class Cell:
    """What is shown, and the plain values for CSV (None for what there is not)."""

    text: str
    error: str = ""
    value: float | str | None = None
    error_value: float | None = None


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


def nats(words: Words, metric: Metric | None, form: str = NATS) -> Cell:
    """A metric as a cell, with its standard error."""
    if metric is None:
        return Cell(MISSING)
    value, error = metric.value, metric.standard_error
    return Cell(words.number(value, form), words.number(error, form), value, error)


def fine(metric: Metric | None) -> str:
    """How a score's number is written: a count, which has no error, without decimals."""
    return ".0f" if metric is not None and not metric.standard_error and metric.value.is_integer() else FINE


def count(words: Words, number: int) -> Cell:
    """A whole number, its thousands apart."""
    return Cell(words.number(number, ",d"), value=number)


def text_cell(value: object) -> Cell:
    """A cell of words."""
    return Cell(str(value), value=str(value))


def _drawn(table: Table) -> str:
    """A table for a terminal, with its notes below it."""
    made = drawn(
        [column.title for column in table.columns],
        [[f"{c.text} ± {c.error}" if c.error else c.text for c in row] for row in table.rows],
        numeric=[i for i, column in enumerate(table.columns) if column.numeric],
        whole=(),
        lines=True,
    )
    return "\n".join([f"\n{one_line(table.caption)}", made, *map(one_line, table.notes)])
