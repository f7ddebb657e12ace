"""`latente reconstruct`: examples as a model makes them again from their codes."""

from __future__ import annotations

from latente.cli import rows
from latente.cli.options import AddCommand, Arguments

PLACE = 43


def add(command: AddCommand) -> None:
    """The command's options."""
    reconstruct = rows.parser_of(command, "reconstruct", _reconstruct, "examples encoded and decoded again")
    rows.data_options(reconstruct)
    rows.output_options(reconstruct)


def _reconstruct(arguments: Arguments) -> None:
    model = rows.opened(arguments)
    rows.on_rows(arguments, model, model.value_names, model.reconstruct)
