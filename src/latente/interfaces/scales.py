"""What numbers compare on, in the reader's language."""

from __future__ import annotations

import re

from latente.interfaces.warned import in_language
from latente.interfaces.words import Words

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
