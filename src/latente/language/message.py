"""What scores say beside numbers, in the reader's language: warnings, reasons and scales.

Scores know no languages: their warnings are English sentences. `warning.…` in the words has the template of each in
both languages; a sentence of no template stays as it is. A field called ``clauses`` holds clauses that have templates
of their own, divided by semicolons.
"""

from __future__ import annotations

import functools
import re
import string

from latente.language.words import Words

PREFIX = "warning."

SAID = "said."
"""What scores say beside warnings: why a model has no number, and what numbers compare on."""

REASON, SCALE = "reason.", "scale."
"""The same of the scores of likelihoods; a scale may be several of these, divided by commas."""


def in_language(warning: str, words: Words) -> str:
    """A score's warning or a clause of one, reason or scale in the language of ``words``."""
    found = _found(warning, words)
    if found is None:
        parts = [_found(part, words) for part in warning.split(", ")]
        return warning if None in parts else ", ".join(p for p in parts if p is not None)
    return found


def _found(sentence: str, words: Words) -> str | None:
    for key, pattern in patterns():
        match = pattern.fullmatch(sentence)
        if match is not None:
            return words(key, **{name: _field(name, text, words) for name, text in match.groupdict().items()})
    return None


def _field(name: str, text: str, words: Words) -> str:
    if name == "clauses":
        return "; ".join(in_language(clause, words) for clause in text.split("; "))
    if name == "part" and words.language != "en" and f"report.part.{text}" in words.templates:
        return words(f"report.part.{text}")
    return words.decimal(text)


@functools.cache
def patterns() -> list[tuple[str, re.Pattern[str]]]:
    """For each English template, by its key, the sentences it makes: a group for every field."""
    found = []
    for key, template in Words("en").templates.items():
        if key.startswith((PREFIX, SAID, REASON, SCALE)):
            parts = string.Formatter().parse(template)
            made = (re.escape(text) + (f"(?P<{field}>.+?)" if field else "") for text, field, _, _ in parts)
            found.append((key, re.compile("".join(made))))
    return found
