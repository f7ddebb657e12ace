"""`latente encode`: the codes of examples."""

from __future__ import annotations

from latente.cli import rows
from latente.cli.options import AddCommand, Arguments

PLACE = 41


def add(command: AddCommand) -> None:
    """The command's options."""
    encode = rows.parser_of(command, "encode", _encode, "codes of examples with a finished run")
    rows.data_options(encode)
    rows.output_options(encode)


def _encode(arguments: Arguments) -> None:
    model = rows.opened(arguments)
    rows.on_rows(arguments, model, model.code_names, model.encode)
