"""What numbers are called in the reader's language: the keys of scores are for files."""

from __future__ import annotations

import re
from collections.abc import Mapping

from latente.language.words import Words
from latente.objective.objectives import objectives
from latente.spec import ModelSpec, Part, part


def number_name(key: str, words: Words) -> str:
    """A score or a number of one, inside a sentence: "loss", "NLL bound (K = 1,000)"; its key where it has no name."""
    for name in (f"number.{key}", f"score.{key}", f"report.section.{key}"):
        if name in words.templates and "{" not in words.templates[name]:
            return words(name)
    # Numbers among a score's options ("nll_500", "ais_1000_of_100") fill the fields of its name in their order.
    name, options = f"number.{key.partition('_')[0]}", re.findall(r"(?<=_)\d+(?=_|$)", key)
    fields = [field for _, field, _, _ in words.parse(words.templates.get(name, "")) if field]
    if not fields or len(fields) != len(options) or not key.endswith(options[-1]):
        return key
    return words(name, **dict(zip(fields, map(int, options), strict=True)))


def number_title(key: str, words: Words) -> str:
    """As `number_name`, at the beginning of a line."""
    name = number_name(key, words)
    return name if name == key and f"number.{key}" not in words.templates else name[:1].upper() + name[1:]


def part_text(value: Part) -> str:
    """A part as study files have it, for instance "dirac (activation = relu)"."""
    name, options = part(value)
    return f"{name} ({', '.join(f'{k} = {v}' for k, v in options.items())})" if options else name


def part_name(kind: str, value: Part, words: Words) -> str:
    """A part in words, for instance "point, ReLU" for the posterior "dirac" with activation = relu.

    Args:
        kind: "network", "posterior", "prior", "likelihood" or "objective".
        value: as the spec has it; a part that has no words, such as one of a plug-in, keeps its name.
        words: the language.
    """
    name, options = part(value)
    known = f"{kind}.{name}"
    said = [words(known) if known in words.templates else name]
    return ", ".join([*said, *(_option(key, given, words) for key, given in options.items())])


def _option(key: str, value: object, words: Words) -> str:
    whole = f"option.{key} = {value}"
    if whole in words.templates:
        return words(whole)
    if key == "activation":
        return activation_name(str(value), words)
    if isinstance(value, Mapping):
        inner = [_option(k, v, words) for k, v in value.items() if k != "name"]
        shown = " ".join([str(value.get("name", "")), f"({', '.join(inner)})" if inner else ""]).strip()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        shown = words.number(value, "g" if isinstance(value, float) else ",d")
    else:
        shown = str(value)
    named = f"part_option.{key}"
    return f"{words(named) if named in words.templates else key.replace('_', ' ')} = {shown}"


def activation_name(name: str, words: Words) -> str:
    """An activation as people write it: "ReLU"."""
    key = f"activation.{name}"
    return words(key) if key in words.templates else name


def loss_formula(spec: ModelSpec, words: Words) -> str:
    """A model's loss as a formula of the terms that tables show beside it, or in words where it is no sum of them."""
    weights = objectives.make(spec.objective).weights()
    if weights is None:
        text = words("report.loss.bound", objective=part_name("objective", spec.objective, words))
    else:
        names = {"reconstruction": words("report.loss.reconstruction"), "kl": words("report.metric.kl")}
        terms = [(weight, names.get(name, name)) for name, weight in weights.items() if weight]
        text = " + ".join(name if weight == 1 else f"{words.number(weight, 'g')} {name}" for weight, name in terms)
    return text if spec.condition == "none" else words("report.loss.conditional", loss=text)
