"""`latente impute`: missing values filled in, once or as several completed tables."""

from __future__ import annotations

from typing import Any

from latente.cli import options as common
from latente.cli import rows
from latente.cli.options import AddCommand, Arguments
from latente.errors import SpecError

PLACE = 46


def add(command: AddCommand) -> None:
    """The command's options."""
    impute = rows.parser_of(
        command, "impute", _impute, "missing values filled in, by a model trained with missing = true"
    )
    rows.data_options(impute)
    text = "write M completed tables, one below the other, after columns draw and row (0: the expected values)"
    impute.add_argument("--draws", type=common.whole, default=0, metavar="M", help=text)
    impute.add_argument("--seed", type=common.whole, default=0, metavar="S", help="of the draws (0)")
    rows.output_options(impute)


def _impute(arguments: Arguments) -> None:
    import numpy as np

    if arguments.draws < 0:
        raise SpecError(f"--draws: got {arguments.draws}; allowed: a whole number of at least 0")
    if arguments.draws and arguments.keep:
        raise SpecError("--keep does not go with --draws: the column row numbers the rows of DATA")
    model, done = rows.opened(arguments), 0

    def work(batch: Any) -> list[Any]:
        nonlocal done
        tables = model.imputed(batch, arguments.draws, arguments.seed)
        first, done = done + 1, done + len(batch)
        if not arguments.draws:
            return tables[0]
        numbers = np.tile(np.arange(first, done + 1), len(tables))
        draws = np.repeat(np.arange(1, len(tables) + 1), len(batch))
        return [draws, numbers, *(np.concatenate(parts) for parts in zip(*tables, strict=True))]

    names = [*(["draw", "row"] if arguments.draws else []), *model.value_names]
    rows.on_rows(arguments, model, names, work)
