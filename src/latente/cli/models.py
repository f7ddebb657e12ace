"""The model space as text: every part, preset and pairing, read from the registries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from latente.errors import SpecError, unknown
from latente.objective.pairings import pairings
from latente.objective.presets import FAMILIES, presets
from latente.objective.schedules import schedules
from latente.registry import Registry
from latente.spec import Part, as_dict, part

HEADINGS = {
    "objective": "Objectives",
    "posterior": "Posteriors q(z | x)",
    "prior": "Priors p(z)",
    "likelihood": "Likelihoods p(x | z)",
    "network": "Networks",
    "schedule": "Schedules of a weight",
}


def families() -> dict[str, Registry[Any]]:
    """Every family of parts, by the word a spec has for it."""
    return {**FAMILIES, "schedule": schedules}


def rows(kind: str) -> list[tuple[str, str, str, str]]:
    """(name, what it is, options, source) of every part of a family."""
    family = families()[kind]
    return [
        (name, family.summary(name), ", ".join(family.options(name)), family.source(name)) for name in sorted(family)
    ]


def preset_rows() -> list[tuple[str, str, str, str]]:
    """(name, what it is, the parts that are not the VAE's, source) of every preset."""
    plain = as_dict(presets["VAE"]())
    found = []
    for name in sorted(presets, key=str.lower):
        spec = as_dict(presets[name]())
        own = [f"{k} = {_short(v)}" for k, v in spec.items() if v != plain[k] and k not in ("latent_dim", "hidden")]
        found.append((name, presets.summary(name), "; ".join(own) or "the plain VAE", presets.source(name)))
    return found


def pairing_rows() -> tuple[list[str], list[list[str]]]:
    """Posteriors, and for each objective its name and for each posterior the priors it goes with."""
    known, columns = pairings(), sorted(FAMILIES["posterior"])
    return columns, [
        [o, *(", ".join(known.objective[o, q]) or "–" for q in columns)] for o in sorted(FAMILIES["objective"])
    ]


def describe(name: str) -> str:
    """Everything about one part or preset.

    Raises:
        SpecError: nothing is called so.
    """
    found = []
    for kind, family in families().items():
        if name in family:
            doc = (family[name].__doc__ or "").strip()
            found.append(f"{kind} {name}\n\n{doc}\n\noptions: {', '.join(family.options(name)) or 'none'}")
            found[-1] += f"\nsource: {family.source(name)}"
            if kind in ("objective", "posterior"):
                found[-1] += "\n" + "\n".join(_goes_with(kind, name))
    if name in presets:
        spec = {k: _short(v) for k, v in as_dict(presets[name]()).items()}
        lines = "\n".join(f"  {k} = {v}" for k, v in spec.items())
        found.append(f"preset {name}: {presets.summary(name)}\n\n{lines}\nsource: {presets.source(name)}")
    if not found:
        everything = [*presets, *(n for family in families().values() for n in family)]
        raise SpecError(unknown("part or preset", name, everything))
    return "\n\n".join(found)


def markdown() -> str:
    """The whole model space as the page of the documentation."""
    lines = [
        "# The model space",
        "",
        "Made by `latente models --markdown` from the registries; a test keeps it so. A model is a choice of one of",
        "each kind of part; a preset is such a choice with a name. `latente models NAME` tells more about one.",
        "",
        "## Presets",
        "",
        *_table(("preset", "what it is", "parts, where not the VAE's", "source"), preset_rows()),
    ]
    for kind, heading in HEADINGS.items():
        columns = (kind, "what it is", "options", "source")
        lines += ["", f"## {heading}", "", *_table(columns, rows(kind))]
    columns_, table = pairing_rows()
    lines += [
        "",
        "## Which go together",
        "",
        "For each objective and posterior, the priors with which they make sense; anything else is refused before",
        "anything is computed, with the reason.",
        "",
        *_table(("objective", *columns_), table),
    ]
    return "\n".join(lines) + "\n"


def _goes_with(kind: str, name: str) -> list[str]:
    known = pairings()
    lines = []
    for (o, q), good in known.objective.items():
        if name == (o if kind == "objective" else q):
            other = q if kind == "objective" else o
            fits = f"with prior {', '.join(good)}" if good else f"no: {known.reason[o, q]}"
            lines.append(f"  {other}: {fits}")
    return ["goes with:", *lines]


def _short(value: Part | Any) -> str:
    if isinstance(value, Mapping):
        name, options = part(value)
        return f"{name} ({', '.join(f'{k} = {_short(v)}' for k, v in options.items())})" if options else name
    return str(value)


def _table(columns: Sequence[str], table: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"

    return [line(columns), line(["---"] * len(columns)), *map(line, table)]
