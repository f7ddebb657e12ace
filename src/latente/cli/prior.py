"""`latente prior`: fit a prior to the codes of a trained run, and write the run with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from latente.errors import SpecError, StoreError
from latente.studies.settings import value_of


def add_prior(
    run_folder: str | Path,
    kind: str,
    out: str | Path,
    options: Sequence[str] = (),
    *,
    seed: int = 0,
    data: str | None = None,
) -> Path:
    """Write a run again with a prior fitted to its codes, which its samples are then drawn from.

    Args:
        run_folder: a run's folder; it is left as it is.
        kind: as `Run.with_prior`.
        out: the new run's folder.
        options: ``key=value`` each, for instance ``components=20``; values as in a TOML file, or plain words.
        seed: of the fit.
        data: where the run's data is now; None: where it was.

    Returns:
        The new folder.

    Raises:
        SpecError: an option that is not ``key=value``, or as `Run.with_prior`.
        StoreError: the run cannot be read, or ``out`` is not empty.
        DataError, TrainingError: as `Run.with_prior`.
    """
    settings = dict(map(_setting, options))
    folder = Path(out)
    # Said before the work, not after it.
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder}: exists and is not empty; choose another place, for nothing is overwritten")
    from latente.evaluation.run import load

    return load(run_folder, data=data).with_prior(kind, seed=seed, **settings).save(folder)


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not key.isidentifier() or key == "seed":
        raise SpecError(f'option of the prior: got "{text}"; allowed: key=value, for instance components=20')
    return key, value_of(value)
