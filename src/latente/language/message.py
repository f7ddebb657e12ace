"""Messages: what scores and readers of data say in words, kept as a key and its values until it is known in which."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

from latente.language.words import Words
from latente.plain import printable

Value = str | int | float | tuple[str, ...]


class Message(str):
    """A sentence or a phrase by its key and values. As text it is English; `phrase` says it in any language.

    Attributes:
        key: of its template, as the files of words have it.
        values: what fills it: text (what cannot be printed in it is escaped), numbers, messages, tuples of these.
    """

    key: str
    values: Mapping[str, Value]

    def __new__(cls, key: str, /, *, text: str | None = None, **values: Value) -> Self:
        """``text``: what it is as text, where that is not the English template: files call some things otherwise."""
        plain = {n: printable(v) if isinstance(v, str) and not isinstance(v, Message) else v for n, v in values.items()}
        if text is None:
            shown = {n: "; ".join(v) if isinstance(v, tuple) else v for n, v in plain.items()}
            text = Words("en").templates[key].format(**shown)
        made = super().__new__(cls, text)
        made.key, made.values = key, plain
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return str.__new__, (type(self), str(self)), vars(self)


def phrase(text: str, words: Words) -> str:
    """A message in the language of ``words``; text that is none stays as it is.

    Of a message without words, such as a part that is not latente's own, only numbers are written as the language does.
    """
    if not isinstance(text, Message):
        return text
    if text.key not in words.templates:
        return words.decimal(text)
    return words(text.key, **{name: _value(value, words) for name, value in text.values.items()})


def _value(value: Value, words: Words) -> str | int | float:
    if isinstance(value, tuple):
        return "; ".join(phrase(one, words) for one in value)
    return phrase(value, words) if isinstance(value, str) else value


def to_json(value: Value) -> Any:
    """A message as a table of its key and values; text and numbers as they are."""
    if isinstance(value, Message):
        return {"key": value.key, "values": {name: to_json(one) for name, one in value.values.items()}}
    if isinstance(value, tuple):
        return [to_json(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_json(value: Any) -> Any:
    """What `to_json` made of it; a message of a later version, whose key is not known, is its key and values as text.

    Raises:
        TypeError, KeyError: it is no such value.
    """
    if isinstance(value, list):
        return tuple(map(str, map(from_json, value)))
    if not isinstance(value, Mapping):
        if value is not None and not isinstance(value, str | int | float):
            raise TypeError(f"{type(value).__name__} where text or a number should be")
        return math.nan if value is None else value
    key, values = value["key"], {name: from_json(one) for name, one in value["values"].items()}
    try:
        return Message(key, **values)
    except (KeyError, ValueError, TypeError):
        return f"{key.rpartition('.')[2]}: {', '.join(map(str, values.values()))}"
