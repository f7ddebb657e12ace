"""Text of any origin made safe to show or write: on a terminal, in a notebook or spreadsheet, in any encoding."""

from __future__ import annotations

import codecs
import html
import re
import shlex
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

# Control characters except tab and line feed, marks that change the direction of writing, and lone surrogates (from
# names of files that are not UTF-8).
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ALIKE = {
    "−": "-", "–": "-", "—": "-", "‑": "-", "×": "x", "·": ".", "±": "+/-", "≥": ">=", "≤": "<=", "≈": "~", "≠": "!=",
    "→": "->", "←": "<-", "…": "...", "‘": "'", "’": "'", "“": '"', "”": '"', "∞": "inf", "✓": "ok", "✗": "x",
    "─": "-", "━": "-", "╸": "-", "╺": "-", "═": "=", "│": "|", "•": "*", "∼": "~", "∣": "|",
}  # fmt: skip
REPLACED = "latente.replaced"
"""An error handler of `str.encode`: a character that an encoding lacks becomes one that looks like it, or "?"."""


def visible(text: object) -> str:
    """Text with harmless control characters: each is written as its escape, such as ``\\x1b``."""
    return _CONTROL.sub(lambda found: _escape(found[0]), str(text))


def one_line(text: object) -> str:
    """As `visible`, with each run of white space as one space."""
    return visible(" ".join(str(text).split()))


def printable(text: str) -> str:
    """Text with control characters and broken UTF-8 escaped, so that a terminal is safe from it; of one line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def csv_text(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Comma-separated lines; an apostrophe marks as text what a spreadsheet would take for a formula.

    Numbers stay numbers, and None is an empty cell.
    """
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows(map(_csv_cell, row) for row in (header, *rows))
    return out.getvalue()


def _csv_cell(value: object) -> object:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def portable(command: str) -> str:
    """A command without paths of this machine: each absolute path is reduced to its last part."""
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    shown = []
    for word in words:
        option, equals, value = word.rpartition("=")
        name = Path(value).name if Path(value).is_absolute() else value
        shown.append(f"{option}{equals}{name or value}")
    return command if shown == words else shlex.join(shown)


def as_text(title: str, rows: Sequence[tuple[str, object]], most: int = 100) -> str:
    """A summary for a terminal: a title, then a name and its value, cut to ``most`` characters, on each line."""
    wide = max((len(name) for name, _ in rows), default=0)
    return "\n".join([one_line(title), *(f"  {name:<{wide}}  {_short(value, most)}" for name, value in rows)])


def as_html(title: str, rows: Sequence[tuple[str, object]], most: int = 100) -> str:
    """The same for a notebook."""
    cells = "".join(
        f'<tr><th style="text-align:left">{html.escape(name)}</th>'
        f'<td style="text-align:left">{html.escape(_short(value, most))}</td></tr>'
        for name, value in rows
    )
    return f"<div><strong>{html.escape(one_line(title))}</strong><table>{cells}</table></div>"


def _short(value: object, most: int = 100) -> str:
    text = one_line(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_alike, error.object[error.start : error.end])), error.end


def _alike(character: str) -> str:
    if character in _ALIKE:
        return _ALIKE[character]
    if not character.isprintable():
        return _escape(character)
    name = unicodedata.name(character, "")
    if name.startswith("GREEK"):
        letter = name.split(" WITH ")[0].rsplit(" ", 1)[-1].lower()
        return letter.capitalize() if "CAPITAL" in name else letter
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"


codecs.register_error(REPLACED, _replaced)


def markdown(text: str) -> str:
    """Text from outside as Markdown shows it, on one line: its marks are no marks, in cells of tables too."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#&$~" else c for c in one_line(" ".join(text.split())))
