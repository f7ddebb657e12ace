"""Runs from folders, studies and objects, checked to be of one data set and split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from latente.analysis.trained_models import OpenedRun
from latente.data.load import AnySource
from latente.data.split import Data
from latente.errors import SpecError
from latente.evaluation.folders import finished_runs
from latente.evaluation.run import Run, load
from latente.evaluation.run_data import read_data
from latente.spec import as_dict


def open_runs(given: Iterable[Any], data: Data | AnySource | None = None) -> list[OpenedRun]:
    """Runs from folders of runs, folders of studies, `latente.Run`s and `latente.Study`s, each once.

    Args:
        given: any of these, in any mixture.
        data: what the runs were trained on, or where it is now, where it cannot be read again as it was.

    Raises:
        StoreError: no such folder, a foreign or damaged one, or one of a run or study that is not finished.
        SpecError: something else, or runs that were trained on different data or splits.
        DataError: ``data`` is not what a run was trained on.
    """
    if isinstance(given, str | Path | Run) or not isinstance(given, Iterable):
        given = [given]
    opened: dict[object, OpenedRun] = {}
    for item in given:
        for one in _open(item, data):
            opened.setdefault(one.folder.resolve() if one.folder else id(one.run), one)
    found = list(opened.values())
    for one in found[1:]:
        _check_same_data(found[0], one)
    known = next((o.run._data for o in found if o.run._data is not None), None)
    if data is not None and found and not isinstance(data, Data):
        # Read once, for all are of the same.
        known = read_data(found[0].run.spec.data, found[0].run.card, data)
    for one in found:
        if one.run._data is None:
            one.run._data = known
    return found


def share_data(opened: Sequence[OpenedRun]) -> None:
    """Read the data once for all runs, which are of the same."""
    for one in opened:
        one.run._data = opened[0].run.data


def _open(item: Any, data: Data | AnySource | None) -> Iterator[OpenedRun]:
    if isinstance(item, Run):
        yield OpenedRun(item)
    elif isinstance(item, str | Path):
        for folder in finished_runs(Path(item)):
            yield OpenedRun(load(folder, data=data if isinstance(data, Data) else None), folder)
    elif hasattr(item, "runs") and hasattr(item, "folder"):
        yield from _open(item.folder, data)
    else:
        raise SpecError(
            f"compare: got {type(item).__name__}; allowed: folders of runs or studies, and what latente.fit, "
            "latente.load and latente.run_study return"
        )


def _check_same_data(first: OpenedRun, other: OpenedRun) -> None:
    ours, theirs = first.run.card, other.run.card
    if ours["fingerprint"] == theirs["fingerprint"]:
        return
    a, b = (as_dict(o.run.spec.data) for o in (first, other))
    changed = [f"{k} {a[k]} and {b[k]}" for k in a if a[k] != b[k]]
    why = f"of different data ({ours['name']}, {theirs['name']})"
    if changed and a["source"] == b["source"]:
        why = f"split differently ({', '.join(changed)})"
    raise SpecError(
        f"{first.where} and {other.where} are {why}: their examples do not pair; compare runs of one data set and split"
    )
