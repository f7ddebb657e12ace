"""`latente data`: the named data sets, the data card of one or of your own data, and what is odd about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from latente.cli.options import AddCommand, Arguments, codes, commands, ignoring, language, settings, words_of
from latente.errors import DataError
from latente.terminal import say

PLACE = 70


def add(command: AddCommand) -> None:
    """The commands ``list``, ``show`` and ``check``, and their options."""
    kind = commands(command("data", parts=False, help="list and describe data sets"))
    kind("list", _list, help="the named data sets")
    card = kind("show", _show, help="the data card of a named data set or of your own")
    card.add_argument("source", metavar="SOURCE")
    card.add_argument("--scale", metavar="HOW", help="of the values: unit, minmax, none, or a number to divide by")
    card.add_argument("--missing", choices=("refuse", "keep"), help="missing values (refuse)")
    card.add_argument("--condition", metavar="NAMES", help="columns to condition on, by comma")
    settings(card, "KEY=VALUE", "any key of [data] in a study file: shape=[28,28] (may be repeated)")
    check = kind(
        "check",
        _check,
        help="what is odd about data, before anything is trained",
        description="Copies within and across the parts, labels that neighbours contradict, columns that leak or never "
        "vary, and more: every finding has a code (docs/findings.md). Missing values are kept and values left as they "
        "are, unless --set says otherwise.",
    )
    check.add_argument("source", metavar="SOURCE", help="a name from `latente data list`, or your own file or folder")
    settings(check, "KEY=VALUE", "any key of [data] in a study file: shape=[28,28] (may be repeated)")
    check.add_argument(
        "--fail-on", type=codes, metavar="CODES",
        help="end with exit code 1 where one of these is found, by comma: LT001, LT0xx, or warning (which means "
        "errors, too)",
    )  # fmt: skip
    ignoring(check)
    check.add_argument("--format", choices=("text", "json"), default="text", help="lines of text, or of JSON (text)")
    check.add_argument("-o", "--out", metavar="DIR", help="a folder for pictures of copies and of doubtful labels")
    language(check)


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
    from latente.studies.settings import value_of

    table = _options(arguments.settings)
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


def _options(given: list[str]) -> dict[str, Any]:
    """What --set says of [data]."""
    from latente.studies.settings import of_parts

    return dict(of_parts([f"data.{setting}" for setting in given], ["data"])["data"])


def _check(arguments: Arguments) -> int:
    from latente.analysis.conclusions.registry import codes as codes_of
    from latente.atomic import make_folder, write_bytes
    from latente.data.load import load_spec
    from latente.report.conclusions import every_rule
    from latente.report.data_findings import check_data, of_forms
    from latente.spec import DataSpec, build

    # A code that is not known is told before data is read.
    every_rule()
    codes_of([*arguments.ignore]), codes_of(arguments.fail_on or (), severities=True)
    table = {"missing": "keep", "scale": "none", **_options(arguments.settings), "source": arguments.source}
    words = words_of(arguments)
    folder = None if arguments.out is None else make_folder(Path(arguments.out))
    try:
        data = load_spec(build(DataSpec, table, "data"))
    except DataError:
        # A folder of images of several sizes is refused, which is a finding too.
        for line in of_forms(Path(arguments.source), words):
            say(line)
        raise
    found = check_data(data, ignore=arguments.ignore, lang=words.language)
    for line in found.json() if arguments.format == "json" else found.lines():
        say(line)
    if folder is not None:
        from latente.report.figures.style import png

        for name, figure in found.figures().items():
            path = folder / f"{name}.png"
            write_bytes(path, png(figure))
            if arguments.format == "text":
                say(words("data_findings.written", path=path))
    failed = found.failing(arguments.fail_on or ())
    if failed and arguments.format == "text":
        say(words("data_findings.failed", asked=", ".join(arguments.fail_on), codes=", ".join(failed)))
    return 1 if failed else 0
