"""`latente decode`: the examples that codes stand for."""

from __future__ import annotations

from latente.cli import rows
from latente.cli.options import AddCommand, Arguments

PLACE = 42


def add(command: AddCommand) -> None:
    """The command's options."""
    decode = rows.parser_of(
        command, "decode", _decode, "examples of codes (columns z1, z2, …), in the data's own units"
    )
    rows.data_options(decode)
    rows.output_options(decode)


def _decode(arguments: Arguments) -> None:
    model = rows.opened(arguments)
    rows.on_rows(arguments, model, model.value_names, model.decode)
