"""Tables on a terminal, as wide as it is; one value below the other where it is too narrow for a table."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Literal

from latente.plain import REPLACED, one_line, visible

WIDTH = 120
"""The width where there is no terminal: in a pipe, a file, a notebook."""

LEAST = 20


def any_encoding() -> None:
    """From now on, replace what standard output and standard error cannot encode, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=REPLACED)


def say(text: str = "") -> None:
    """Print a text whose control characters can do nothing."""
    print(visible(text), flush=True)  # noqa: T201


def complain(text: str) -> None:
    """A line on standard error, with who says it."""
    print(f"latente: {one_line(text)}", file=sys.stderr, flush=True)  # noqa: T201


def width() -> int:
    """Characters per line."""
    return max(LEAST, shutil.get_terminal_size((WIDTH, 24)).columns)


def drawn(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    caption: str = "",
    numeric: Sequence[int] = (),
    whole: Sequence[int] = (0,),
    lines: bool = False,
) -> str:
    """A table as plain text; nothing in it is markup, and control characters are written as escapes.

    Args:
        columns: their titles.
        rows: cells; the first of each row names it.
        title, caption: text above and below.
        numeric: columns that are aligned to the right.
        whole: columns whose cells are never wrapped.
        lines: whether there is a rule below the titles.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    heads, cells = [one_line(c) for c in columns], [[one_line(c) for c in row] for row in rows]
    console = Console(width=width(), color_system=None, force_terminal=False, force_jupyter=False, legacy_windows=False)
    table = Table(box=box.SIMPLE_HEAD if lines else None, pad_edge=False, collapse_padding=lines)
    for i, head in enumerate(heads):
        # A column is as wide as its longest word at least, or its longest cell: nothing is ever cut.
        texts = [head, *(row[i] for row in cells)]
        least = max((cell_len(part) for text in texts for part in ([text] if i in whole else text.split())), default=1)
        justify: Literal["left", "right"] = "right" if i in numeric else "left"
        table.add_column(Text(head), justify=justify, no_wrap=i in whole, min_width=least)
    for row in cells:
        table.add_row(*map(Text, row))
    if Measurement.get(console, console.options.update(max_width=10_000), table).minimum > console.width:
        body = "\n".join(_stacked(heads, row, console.width) for row in cells)
    else:
        with console.capture() as captured:
            console.print(table)
        body = "\n".join(line.rstrip() for line in captured.get().splitlines() if line.strip())
    around = [_folded(one_line(text), console.width) for text in (title, caption)]
    return "\n".join(text for text in (around[0], body, around[1]) if text)


def _stacked(heads: Sequence[str], row: Sequence[str], wide: int) -> str:
    found = [_folded(f"{heads[0]}: {row[0]}" if heads[0] else row[0], wide)]
    for head, cell in zip(heads[1:], row[1:], strict=True):
        if cell:
            found.append(_folded(f"{head}: {cell}" if head else cell, wide, "  "))
    return "\n".join(found)


def _folded(text: str, wide: int, indent: str = "") -> str:
    if not text:
        return ""
    fold = textwrap.TextWrapper(wide, indent, 2 * indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(fold.wrap(text))
