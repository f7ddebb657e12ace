"""What numbers are called in the reader's language: the keys of scores are for files."""

from __future__ import annotations

import re

from latente.interfaces.words import Words


def number_name(key: str, words: Words) -> str:
    """A score or a number of one, inside a sentence: "loss", "NLL bound (K = 1,000)"; its key where it has no name."""
    for name in (f"number.{key}", f"score.{key}", f"report.section.{key}"):
        if name in words.templates and "{" not in words.templates[name]:
            return words(name)
    bound = re.fullmatch(r"nll_(\d+)", key)
    if bound:
        return words("number.nll", samples=int(bound[1]))
    annealed = re.fullmatch(r"ais_(\d+)(?:_posterior)?_of_(\d+)", key)
    return words("number.ais", steps=int(annealed[1]), images=int(annealed[2])) if annealed else key


def number_title(key: str, words: Words) -> str:
    """As `number_name`, at the beginning of a line."""
    name = number_name(key, words)
    return name if name == key and f"number.{key}" not in words.templates else name[:1].upper() + name[1:]
