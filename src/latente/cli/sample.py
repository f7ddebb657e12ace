"""`latente sample`: new examples from a model's prior."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from latente.cli import options as common
from latente.cli import rows
from latente.cli.options import AddCommand, Arguments
from latente.errors import SpecError

if TYPE_CHECKING:
    from latente.evaluation.run import Run

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
    run = rows.opened(arguments)
    given = rows.given_of(run, arguments.given, arguments.count)
    with rows.output(arguments.output, rows.value_names(run), run) as write:
        for found in _batches(run, arguments.count, arguments.seed, given):
            write(rows.values_of(run, found))


def _batches(run: Run, count: int, seed: int, given: Any) -> Iterator[Any]:
    """What `Run.sample` gives, a batch at a time."""
    from latente.evaluation import latent

    size = rows.batch_size(run)
    codes = latent.sample_codes(run.generator, count, seed=seed)
    context = latent.sample_context(run.model, count, seed) if given is None else run._context(given, count)
    for at in range(0, count, size):
        some = slice(at, at + size)
        yield latent.decode(run.generator, codes[some], None if context is None else context[some])
