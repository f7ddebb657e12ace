"""`latente score`: how well a model knows examples, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latente.cli import rows
from latente.cli.options import AddCommand, Arguments

if TYPE_CHECKING:
    from latente.evaluation.run import Run

PLACE = 45


def add(command: AddCommand) -> None:
    """The command's options."""
    text = "each example's evidence lower bound, its loss and its two terms, in nats"
    score = rows.parser_of(command, "score", _score, text)
    rows.data_options(score)
    rows.output_options(score)


def _score(arguments: Arguments) -> None:
    run = rows.opened(arguments)
    rows.on_rows(arguments, run, ("elbo", "loss", "reconstruction", "kl"), _scored)


def _scored(run: Run, x: Any, given: Any) -> list[Any]:
    found = run.terms(x, given=given)
    return [-found["reconstruction"] - found["kl"], found["loss"], found["reconstruction"], found["kl"]]
