"""`latente models`: every part, preset and pairing, read from the registries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from latente.cli.options import AddCommand, Arguments, words_of
from latente.errors import SpecError, unknown
from latente.terminal import say

if TYPE_CHECKING:
    from latente.registry import Registry
    from latente.spec import Part

PLACE = 80

HEADINGS = {
    "objective": "Objectives",
    "posterior": "Posteriors q(z | x)",
    "prior": "Priors p(z)",
    "likelihood": "Likelihoods p(x | z)",
    "network": "Networks",
    "schedule": "Schedules of a weight",
}


def add(command: AddCommand) -> None:
    """The command's options."""
    models = command("models", _models, help="list the parts and presets of models, and which go together")
    models.add_argument("name", nargs="?", metavar="NAME", help="tell everything about one part or preset")
    models.add_argument("--markdown", action="store_true", help="the whole list as a page of documentation")


def _models(arguments: Arguments) -> None:
    if arguments.markdown:
        say(markdown().rstrip("\n"))
        return
    if arguments.name:
        say(describe(arguments.name))
        return
    from latente.report.tables.table import text_table

    words = words_of(arguments)
    for title, found in [("preset", preset_rows()), *((kind, rows(kind)) for kind in HEADINGS)]:
        heads = ("what_it_is", "parts" if title == "preset" else "options", "source")
        titles = [title, *(words(f"terminal.column.{head}") for head in heads)]
        say(text_table(titles, found).terminal(rule=False) + "\n")
    say(words("terminal.together"))


def families() -> dict[str, Registry[Any]]:
    """Every family of parts, by the word a spec has for it."""
    from latente.objective.presets import FAMILIES
    from latente.objective.schedules import schedules

    return {**FAMILIES, "schedule": schedules}


def rows(kind: str) -> list[tuple[str, str, str, str]]:
    """(name, what it is, options, source) of every part of a family."""
    family = families()[kind]
    return [
        (name, family.summary(name), ", ".join(family.options(name)), family.source(name)) for name in sorted(family)
    ]


def preset_rows() -> list[tuple[str, str, str, str]]:
    """(name, what it is, the parts that are not the VAE's, source) of every preset."""
    from latente.objective.presets import presets
    from latente.spec import as_dict

    plain = as_dict(presets["VAE"]())
    found = []
    for name in sorted(presets, key=str.lower):
        spec = as_dict(presets[name]())
        own = [f"{k} = {_short(v)}" for k, v in spec.items() if v != plain[k] and k not in ("latent_dim", "hidden")]
        found.append((name, presets.summary(name), "; ".join(own) or "the plain VAE", presets.source(name)))
    return found


def pairing_rows() -> tuple[list[str], list[list[str]]]:
    """Posteriors, and for each objective its name and for each posterior the priors it goes with."""
    from latente.objective.pairings import pairings

    known, columns = pairings(), sorted(families()["posterior"])
    return columns, [
        [o, *(", ".join(known.objective[o, q]) or "–" for q in columns)] for o in sorted(families()["objective"])
    ]


def describe(name: str) -> str:
    """Everything about one part or preset.

    Raises:
        SpecError: nothing is called so.
    """
    from latente.objective.presets import presets
    from latente.spec import as_dict

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
    from latente.objective.pairings import pairings

    known = pairings()
    lines = []
    for (o, q), good in known.objective.items():
        if name == (o if kind == "objective" else q):
            other = q if kind == "objective" else o
            fits = f"with prior {', '.join(good)}" if good else f"no: {known.reason[o, q]}"
            lines.append(f"  {other}: {fits}")
    return ["goes with:", *lines]


def _short(value: Part | Any) -> str:
    from latente.spec import part

    if isinstance(value, Mapping):
        name, options = part(value)
        return f"{name} ({', '.join(f'{k} = {_short(v)}' for k, v in options.items())})" if options else name
    return str(value)


def _table(columns: Sequence[str], table: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"

    return [line(columns), line(["---"] * len(columns)), *map(line, table)]
