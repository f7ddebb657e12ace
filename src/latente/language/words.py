"""The words of reports and figures in English and Portuguese: text files of templates, filled with numbers."""

from __future__ import annotations

import functools
import os
import re
import string
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from latente.errors import SpecError, unknown

LANGUAGES = ("en", "pt")


class Words(string.Formatter):
    """Templates of one language: ``words("findings.gap.title", gap=1.2)``; numbers get the language's decimal mark."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise SpecError(unknown("language", language, LANGUAGES))
        self.language = language
        self.templates = _templates(language)

    def __call__(self, key: str, /, **values: Any) -> str:
        """The template of that key, filled."""
        return self.vformat(self.templates[key], (), values)

    def format_field(self, value: Any, format_spec: str) -> Any:
        """As usual; numbers with a true minus sign, and in Portuguese a decimal comma and a point between thousands."""
        text = super().format_field(value, format_spec)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return text
        text = text.replace("-", "−")
        return text.translate({ord("."): ",", ord(","): "."}) if self.language == "pt" else text

    def number(self, value: float, form: str = ".2f") -> str:
        """One number, for instance ``139.40`` or ``139,40``."""
        return str(self.format_field(value, form))

    def decimal(self, text: str) -> str:
        """A sentence with its numbers as this language writes them: a decimal comma in Portuguese."""
        return re.sub(r"(?<=\d)\.(?=\d)", ",", text) if self.language == "pt" else text

    def title(self, title: str) -> str:
        """A study's title: that of a shipped study is translated, of any other is the user's."""
        english = _templates("en")
        keys = (key for key in english if key.startswith("title.") and english[key] == title)
        return next((self.templates[key] for key in keys), title)

    def note(self, note: Mapping[str, Any]) -> str:
        """What a note of a data card says (`latente.data.notes`); one that this version does not know stays bare."""
        key, values = f"note.{note['key']}", note["values"]
        if key not in self.templates:
            return f"{note['key']}: {', '.join(map(str, values.values()))}"
        said = self(key, **values)
        return self("note.otherwise", text=said, option=note["option"]) if note["option"] else said

    def joined(self, items: list[str]) -> str:
        """A list in words: "a, b and c"."""
        if len(items) < 2:
            return "".join(items)
        return f"{', '.join(items[:-1])} {self('and')} {items[-1]}"


def default_language() -> str:
    """The user's locale: "pt" where it is Portuguese, else "en"."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "pt" if value.lower().startswith("pt") else "en"
    return "en"


@functools.cache
def _templates(language: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted(files("latente.language").joinpath("text", language).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            found |= _flat(tomllib.loads(file.read_text(encoding="utf-8")))
    return found


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: str(value)}
    return flat
