"""`latente sample`: new examples from a model's prior."""

from __future__ import annotations

from latente.cli import options as common
from latente.cli import rows
from latente.cli.options import AddCommand, Arguments
from latente.errors import SpecError

PLACE = 44


def add(command: AddCommand) -> None:
    """The command's options."""
    sample = rows.parser_of(command, "sample", _sample, "new examples from a finished run, in the data's own units")
    sample.add_argument("count", type=common.whole, metavar="N", help="how many")
    sample.add_argument("--seed", type=common.whole, default=0, metavar="S", help="of the draws (0)")
    rows.output_options(sample)


def _sample(arguments: Arguments) -> None:
    if arguments.count < 1:
        raise SpecError(f"sample: got {arguments.count}; allowed: a whole number of at least 1")
    model = rows.opened(arguments)
    with rows.output(arguments.output, model.value_names, model.run) as write:
        for found in model.samples(arguments.count, arguments.seed):
            write(found)
