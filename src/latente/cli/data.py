"""`latente data`: the named data sets, and the data card of one or of your own data."""

from __future__ import annotations

from latente.cli.options import AddCommand, Arguments, commands, settings, words_of
from latente.terminal import say

PLACE = 70


def add(command: AddCommand) -> None:
    """The commands ``list`` and ``show``, and their options."""
    kind = commands(command("data", parts=False, help="list and describe data sets"))
    kind("list", _list, help="the named data sets")
    card = kind("show", _show, help="the data card of a named data set or of your own")
    card.add_argument("source", metavar="SOURCE")
    card.add_argument("--scale", metavar="HOW", help="of the values: unit, minmax, none, or a number to divide by")
    card.add_argument("--missing", choices=("refuse", "keep"), help="missing values (refuse)")
    card.add_argument("--condition", metavar="NAMES", help="columns to condition on, by comma")
    settings(card, "KEY=VALUE", "any key of [data] in a study file: shape=[28,28] (may be repeated)")


def _list(arguments: Arguments) -> None:
    from latente.data.datasets import catalogue
    from latente.report.tables.table import text_table

    words, rows = words_of(arguments), []
    for row in catalogue():
        here = words("terminal.yes" if row["cached"] else "terminal.to_download")
        shape = "×".join(map(str, row["shape"])) or "?"
        split_off, test = words("terminal.split_off"), row["test_examples"]
        counts = words.number(row["examples"], ",d"), words.number(test, ",d") if test else split_off
        if not row["examples"]:
            counts = "?", "?"
        what = words.templates.get(f"dataset.{row['name']}", row["description"])
        rows.append([row["name"], *counts, shape, here, what])
    heads = ("name", "examples", "test", "shape", "here", "what")
    say(text_table([words(f"terminal.column.{head}") for head in heads], rows).terminal(rule=False))
    say(words("terminal.own_data"))


def _show(arguments: Arguments) -> None:
    import json

    from latente.data.columns import column_kinds
    from latente.data.load import load_spec
    from latente.language.message import phrase
    from latente.spec import DataSpec, build
    from latente.studies.settings import of_parts, value_of

    table = of_parts([f"data.{setting}" for setting in arguments.settings], ["data"])["data"]
    if arguments.scale is not None:
        table["scale"] = value_of(arguments.scale)
    if arguments.missing is not None:
        table["missing"] = arguments.missing
    if arguments.condition is not None:
        table["condition"] = tuple(name for name in arguments.condition.split(",") if name)
    data = load_spec(build(DataSpec, {**table, "source": arguments.source}, "data"))
    card, words = data.card(), words_of(arguments)
    if data.spec.scale == "none" and data.features and len(data.shape) == 1:
        card["kinds"] = column_kinds(data)
    if data.notes:
        card["notes"] = [note.table() | {"text": phrase(note.message, words)} for note in data.notes]
    say(json.dumps(card, indent=2, ensure_ascii=False))
