"""`latente prior`: a prior fitted to the codes of a trained run, and the run written with it."""

from __future__ import annotations

from pathlib import Path

from latente.cli import compiling
from latente.cli import options as common
from latente.cli.options import AddCommand, Arguments
from latente.errors import SpecError, StoreError
from latente.studies.settings import value_of
from latente.terminal import say

PLACE = 40


def add(command: AddCommand) -> None:
    """The command's options."""
    prior = command("prior", _prior, help="fit a prior to a finished run's codes, to sample from any model")
    prior.add_argument("folder", metavar="RUN", help="the run's folder")
    prior.add_argument("kind", metavar="KIND", help="gaussian-mixture, kde, realnvp, maf, …")
    prior.add_argument("--out", required=True, metavar="DIR", help="the new run's folder")
    common.settings(prior, "KEY=VALUE", "an option of the kind: components=20 (may be repeated)")
    common.moved_data(prior)
    prior.add_argument(
        "--seed", type=common.whole, default=0, metavar="N", help="of the codes drawn and of the fit (0)"
    )


def _prior(arguments: Arguments) -> None:
    options = {}
    for setting in arguments.settings:
        key, equals, value = (part.strip() for part in setting.partition("="))
        if not equals or not key.isidentifier() or key == "seed":
            raise SpecError(f'option of the prior: got "{setting}"; allowed: key=value, for instance components=20')
        options[key] = value_of(value)
    out = Path(arguments.out)
    # Said before the work, not after it.
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StoreError(f"{out}: exists and is not empty; choose another place, for nothing is overwritten")
    compiling.prepare()
    from latente.evaluation.run import load

    run = load(arguments.folder, data=arguments.data)
    say(str(run.with_prior(arguments.kind, seed=arguments.seed, **options).save(out)))
