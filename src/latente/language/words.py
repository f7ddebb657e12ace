"""The words of every room in English and Portuguese: templates in TOML files beside the code, filled with numbers."""

from __future__ import annotations

import functools
import os
import re
import string
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from latente.errors import SpecError, unknown
from latente.plugins import registered

LANGUAGES = ("en", "pt")

PASSED_OVER = {"shipped", "sentences.pt.toml", "page", "__pycache__"}
"""Names of the package that hold no words, or other ones: studies, the translations of errors, the explorer's page."""


class Words(string.Formatter):
    """Templates of one language, by default the user's: ``words("findings.gap.title", gap=1.2)``; numbers get the
    language's decimal mark."""

    def __init__(self, language: str | None = None) -> None:
        language = language or default_language()
        if language not in LANGUAGES:
            raise SpecError(unknown("language", language, LANGUAGES))
        self.language = language
        self.templates = _templates()[language]

    def __call__(self, key: str, /, **values: Any) -> str:
        """The template of that key, filled.

        Raises:
            SpecError: there is none: a plug-in's part is without its words.
        """
        template = self.templates.get(key)
        if template is None:
            raise SpecError(f'no words for "{key}"; a plug-in adds its own by latente.language.words.add_toml')
        return self.vformat(template, (), values)

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
        english = _templates()["en"]
        keys = (key for key in english if key.startswith("title.") and english[key] == title)
        return next((self.templates[key] for key in keys), title)

    def joined(self, items: list[str], last: str = "and") -> str:
        """A list in words: "a, b and c"; ``last`` is the key of the word before the last."""
        if len(items) < 2:
            return "".join(items)
        return f"{', '.join(items[:-1])} {self(last)} {items[-1]}"


def default_language() -> str:
    """The user's locale: "pt" where it is Portuguese, else "en"."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "pt" if value.lower().startswith("pt") else "en"
    return "en"


@functools.cache
def _templates() -> dict[str, dict[str, str]]:
    """Of each language, every template by its key, from all files of words in the package."""
    found: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
    for file in _files(files("latente")):
        for key, texts in _both(tomllib.loads(file.read_text(encoding="utf-8"))):
            for language, text in texts.items():
                if key in found[language]:
                    raise ValueError(f"{file.name}: {key!r} has words already")
                found[language][key] = text
    return found


def add_words(key: str, texts: Mapping[str, str], module: str) -> None:
    """Words of one's own: a template in each language, for a part that a module registers while latente runs."""
    for language in LANGUAGES:
        _templates()[language][key] = texts[language]
    registered("words", key, module, functools.partial(_remove, key))


def add_toml(text: str) -> None:
    """Add the words of a plug-in's parts, such as captions of figures and titles of scores.

    Args:
        text: TOML in the form of latente's own files of words: ``[figure.mine]`` with ``caption.en = "…"`` and
            ``caption.pt = "…"``, or ``caption = "…"`` for both.

    Raises:
        SpecError: it is none, lacks a language, or has a key that has words already.
    """
    try:
        found = dict(_both(tomllib.loads(text)))
    except (tomllib.TOMLDecodeError, AttributeError) as error:
        raise SpecError(f"words: the text is no file of words ({error})") from None
    for key, texts in found.items():
        if set(texts) != set(LANGUAGES):
            raise SpecError(
                f"words: {key} has {', '.join(texts)}; allowed: {' and '.join(LANGUAGES)}, or a text for both"
            )
        if key in _templates()["en"]:
            raise SpecError(f"words: {key} has words already")
    for key, texts in found.items():
        add_words(key, texts, sys._getframe(1).f_globals.get("__name__", ""))


def _remove(key: str) -> None:
    for table in _templates().values():
        table.pop(key, None)


def _files(folder: Traversable) -> Iterator[Traversable]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name not in PASSED_OVER:
            yield from _files(entry)
        elif entry.name.endswith(".toml") and entry.name not in PASSED_OVER:
            yield entry


def _both(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Each key of a file with its text in every language: ``key.en = "…"``, or ``key = "…"`` that is both."""
    for key, value in table.items():
        if isinstance(value, str):
            yield prefix + key, dict.fromkeys(LANGUAGES, value)
        elif value.keys() <= set(LANGUAGES):
            yield prefix + key, value
        else:
            yield from _both(value, f"{prefix}{key}.")
