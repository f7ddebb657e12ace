"""`latente score`: how well a model knows examples, one row each."""

from __future__ import annotations

from latente.cli import rows
from latente.cli.options import AddCommand, Arguments

PLACE = 45


def add(command: AddCommand) -> None:
    """The command's options."""
    text = "each example's evidence lower bound, its loss and its two terms, in nats"
    score = rows.parser_of(command, "score", _score, text)
    rows.data_options(score)
    rows.output_options(score)


def _score(arguments: Arguments) -> None:
    model = rows.opened(arguments)
    rows.on_rows(arguments, model, ("elbo", "loss", "reconstruction", "kl"), model.score)
