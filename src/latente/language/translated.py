"""What the terminal says in the reader's language: errors, help, progress.

The code that finds an error writes an English sentence. ``sentences.pt.toml`` has for each of these sentences, as
a template, the same in Portuguese, as gettext's catalogues do; a part that is a sentence or a phrase of its own ("a
whole number of at least 1") is looked up in turn. What stands in no template stays as it is.
"""

from __future__ import annotations

import argparse
import functools
import re
import string
import tomllib
from importlib.resources import files
from typing import Any, NamedTuple

DEPTH = 6
"""How deep sentences are looked for in sentences: a run's error in a study's, a value's in a run's."""

LONGEST = 4000
"""A longer message is left as it is: most of it is not ours."""


def in_language(message: str, language: str) -> str:
    """A message in "en" (as it is) or "pt"."""
    return message if language == "en" or len(message) > LONGEST else _best(message, language, DEPTH)[1]


class _Sentence(NamedTuple):
    pattern: re.Pattern[str]
    words: int
    """How much of it is no field."""
    translation: str
    pieces: tuple[str, ...]


def _best(message: str, language: str, depth: int) -> tuple[int, str]:
    """Of the sentences that a message can be, the one in which most is translated; and how much that is."""
    best = (0, message)
    for sentence in _sentences(language) if depth and any(map(str.isalpha, message)) else ():
        if all(piece in message for piece in sentence.pieces) and (match := sentence.pattern.fullmatch(message)):
            parts = [_best(part, language, depth - 1) for part in match.groups()]
            found = sentence.words + sum(words for words, _ in parts)
            if found > best[0]:
                best = found, sentence.translation.format(*(text for _, text in parts))
    return best


@functools.cache
def _sentences(language: str) -> list[_Sentence]:
    text = files("latente.language").joinpath(f"sentences.{language}.toml").read_text(encoding="utf-8")
    found = []
    for pair in tomllib.loads(text)["sentence"]:
        parsed = list(string.Formatter().parse(pair["en"]))
        made = (re.escape(piece) + ("" if field is None else "(.*?)") for piece, field, _, _ in parsed)
        pieces = tuple(piece for piece, *_ in parsed if piece)
        pattern = re.compile("".join(made), re.DOTALL)
        found.append(_Sentence(pattern, sum(map(len, pieces)), pair[language], pieces))
    return found


class _PortugueseHelp(argparse.HelpFormatter):
    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, prefix or "uso: ")


def translate_help(parser: argparse.ArgumentParser, language: str) -> None:
    """Turn the help of a parser and of its commands into "pt"; into "en" there is nothing to do."""
    if language == "en":
        return
    parser.formatter_class = _PortugueseHelp
    parser.description, parser.epilog = (t and in_language(t, language) for t in (parser.description, parser.epilog))
    for group in parser._action_groups:
        group.title = group.title and in_language(group.title, language)
    for action in parser._actions:
        _translate(action, language)
        if isinstance(action, argparse._SubParsersAction):
            for listed in action._choices_actions:
                _translate(listed, language)
            for command in action.choices.values():
                translate_help(command, language)


def _translate(action: argparse.Action, language: str) -> None:
    if action.help and action.help != argparse.SUPPRESS:
        action.help = in_language(action.help, language)
