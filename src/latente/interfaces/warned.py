"""The warnings of scores in the reader's language.

Scores know no languages: their warnings are English sentences. ``text/en/warnings.toml`` has the template of each, and
``text/pt/warnings.toml`` the same in Portuguese; a sentence of no template stays as it is.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Sequence

from latente.evaluation.run import Run
from latente.interfaces.words import Words

PREFIX = "warning."
SAID = "said."
"""What scores say beside warnings: why a model has no number, and what numbers compare on."""


def warnings_of(runs: Sequence[Run], words: Words) -> list[str]:
    """Every warning that the scores of some runs gave, with the run's name, in the language; each once."""
    many = len({r.spec.seed for r in runs}) > 1
    found: dict[str, None] = {}
    for run in runs:
        name = words("warned.seed", name=run.spec.name, seed=run.spec.seed) if many else run.spec.name
        for split, scored in run.measured.items():
            for key, measured in scored.items():
                for warning in measured.warnings:
                    part = words(f"report.part.{split}").lower()
                    said = in_language(warning, words)
                    found.setdefault(words("warned.line", name=name, score=key, part=part, warning=said))
    return list(found)


def in_language(warning: str, words: Words) -> str:
    """A score's warning, reason or scale in the language of ``words``."""
    for key, pattern in _patterns():
        match = pattern.fullmatch(warning)
        if match is not None:
            comma = {k: re.sub(r"(?<=\d)\.(?=\d)", ",", v) for k, v in match.groupdict().items()}
            return words(key, **(comma if words.language == "pt" else match.groupdict()))
    return warning


@functools.cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """For each English template the sentences it makes: a group for every field, which holds no space but the last."""
    found = []
    for key, template in Words("en").templates.items():
        if key.startswith((PREFIX, SAID)):
            parts = string.Formatter().parse(template)
            made = (re.escape(text) + (f"(?P<{field}>.+?)" if field else "") for text, field, _, _ in parts)
            found.append((key, re.compile("".join(made))))
    return found
