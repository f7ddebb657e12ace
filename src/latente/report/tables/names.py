"""What numbers, and what they compare on, are called in the reader's language: the keys of scores are for files."""

from __future__ import annotations

import re

from latente.language.message import in_language
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


def loss_formula(spec: ModelSpec, words: Words) -> str:
    """A model's loss as a formula of the terms that tables show beside it, or in words where it is no sum of them."""
    weights = objectives.make(spec.objective).weights()
    if weights is None:
        text = words("report.loss.bound", objective=part_text(spec.objective))
    else:
        names = {"reconstruction": words("report.loss.reconstruction"), "kl": words("report.metric.kl")}
        terms = [(weight, names.get(name, name)) for name, weight in weights.items() if weight]
        text = " + ".join(name if weight == 1 else f"{words.number(weight, 'g')} {name}" for weight, name in terms)
    return text if spec.condition == "none" else words("report.loss.told", loss=text)


TOLD = ", given the label or columns"

LOSS = re.compile(r"(?P<loss>.+?) of (?P<likelihood>[\w-]+(?: \(.*\))?)")

DENSITY = re.compile(r"−log p\(x \| z\) of (?P<likelihood>.+?)(?:, codes of (?P<objective>.+) examples)?")

OBSERVED = re.compile(r"squared error of drawn codes against what (?P<likelihood>.+) observes")

STANDARDISED = re.compile(r"(?P<what>squared error(?: of drawn codes)?), columns standardised \((?P<columns>.+)\)")


def scale_name(scale: str, words: Words) -> str:
    """What a number compares on: "ELBO (Bernoulli)" of what `Score.scale` calls "elbo of bernoulli"."""
    bare = scale.removesuffix(TOLD)
    said = _scale(bare, words)
    if said is None:
        return in_language(scale, words)
    return said if bare == scale else f"{said}, {words('scale.told')}"


def _scale(scale: str, words: Words) -> str | None:
    match = DENSITY.fullmatch(scale)
    if match is not None:
        likelihood = part_name(match["likelihood"], words)
        if match["objective"] is None:
            return words("measure.density", likelihood=likelihood)
        objective = part_name(match["objective"], words)
        return words("measure.density_of", likelihood=likelihood, objective=objective)
    match = OBSERVED.fullmatch(scale)
    if match is not None:
        return words("measure.observed", likelihood=part_name(match["likelihood"], words))
    match = STANDARDISED.fullmatch(scale)
    if match is not None:
        return words("measure.standardised", what=in_language(match["what"], words), columns=match["columns"])
    match = LOSS.fullmatch(scale)
    if match is None or match["likelihood"].partition(" (")[0] not in _parts(words, "likelihood"):
        return None
    return f"{part_name(match['loss'], words)} ({part_name(match['likelihood'], words)})"


def part_name(text: str, words: Words) -> str:
    """A part as scales write it, "bernoulli (binarise = static)": its name, then its options as in a study file."""
    name, _, options = text.partition(" (")
    found = next((words(f"{k}.{name}") for k in ("likelihood", "objective") if name in _parts(words, k)), name)
    if not options:
        return found
    said = options.removesuffix(")")
    known = _parts(words, "option")
    said = ", ".join(words(f"option.{o}") if o in known else o for o in said.split(", "))
    return f"{found}, {words.decimal(said)}"


def _parts(words: Words, kind: str) -> set[str]:
    return {key.removeprefix(f"{kind}.") for key in words.templates if key.startswith(f"{kind}.")}
