"""What is compared: runs from folders, checked to be of one data set and split, and grouped into models."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latente.data.load import AnySource
from latente.data.split import Data
from latente.errors import SpecError, StoreError, unknown
from latente.evaluation.folders import is_finished, is_study, read_study, run_folder
from latente.evaluation.roles import signature
from latente.evaluation.run import Run, load, read_data, run_folders
from latente.model.priors.fitted import part_of
from latente.spec import as_dict


@dataclass(frozen=True)
class Opened:
    """A run, and the folder it is from (None: it is not saved)."""

    run: Run
    folder: Path | None = None

    @property
    def where(self) -> str:
        """What to call it in messages."""
        return str(self.folder) if self.folder else f"run {self.run.spec.name}, seed {self.run.spec.seed}"


@dataclass(frozen=True)
class Contender:
    """A model: runs that differ by their seed only, in the order of their seeds."""

    name: str
    opened: tuple[Opened, ...]

    @property
    def runs(self) -> tuple[Run, ...]:
        """One a seed."""
        return tuple(o.run for o in self.opened)

    @property
    def first(self) -> Run:
        """That of the lowest seed."""
        return self.opened[0].run

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of its runs."""
        return tuple(r.spec.seed for r in self.runs)


def open_runs(given: Iterable[Any], data: Data | AnySource | None = None) -> list[Opened]:
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
    opened: dict[object, Opened] = {}
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


def share_data(opened: Sequence[Opened]) -> None:
    """Read the data once for all runs, which are of the same."""
    for one in opened:
        one.run._data = opened[0].run.data


def contenders(opened: Sequence[Opened]) -> tuple[list[Contender], list[tuple[Opened, Opened]]]:
    """The models that runs are of, in order of appearance; and runs left out, each with the one that it repeats.

    Runs of one model and training are one model, whatever they are called; two of the same seed are the same twice.
    A prior that was fitted is in the name; models of one name get a number each.
    """
    groups: dict[str, dict[int, Opened]] = {}
    twice = []
    for one in opened:
        prior = None if one.run.fitted is None else part_of(one.run.fitted)
        seeds = groups.setdefault(json.dumps([signature(one.run), prior], sort_keys=True), {})
        if one.run.spec.seed in seeds:
            twice.append((one, seeds[one.run.spec.seed]))
        else:
            seeds[one.run.spec.seed] = one
    found: list[Contender] = []
    for seeds in groups.values():
        ordered = tuple(seeds[s] for s in sorted(seeds))
        run = next(iter(seeds.values())).run
        called = name = run.spec.name if run.fitted is None else f"{run.spec.name} + {part_of(run.fitted)['name']}"
        taken = {c.name for c in found}
        number = 2
        while name in taken:
            name = f"{called} ({number})"
            number += 1
        found.append(Contender(name, ordered))
    return found, twice


def named(models: Sequence[Contender], name: str) -> Contender:
    """The model of that name.

    Raises:
        SpecError: there is none.
    """
    for model in models:
        if model.name == name:
            return model
    raise SpecError(unknown("model", name, [m.name for m in models]))


def _open(item: Any, data: Data | AnySource | None) -> Iterator[Opened]:
    if isinstance(item, Run):
        yield Opened(item)
    elif isinstance(item, str | Path):
        for folder in _folders(Path(item)):
            yield Opened(load(folder, data=data if isinstance(data, Data) else None), folder)
    elif hasattr(item, "runs") and hasattr(item, "folder"):
        yield from _open(item.folder, data)
    else:
        raise SpecError(
            f"compare: got {type(item).__name__}; allowed: folders of runs or studies, and what latente.fit, "
            "latente.load and latente.run_study return"
        )


def _folders(folder: Path) -> list[Path]:
    """The run folders that a folder is or holds."""
    if not folder.is_dir():
        raise StoreError(f"{folder}: no such folder; give a run's, or a study's (latente list shows those in runs/)")
    if is_study(folder):
        return _of_study(folder)
    if is_finished(folder) and (folder / "spec.json").is_file():
        return [folder]
    if any(folder.glob("seed-*/metrics.json")):
        return run_folders(folder)
    if (folder / "checkpoint.safetensors").is_file() or (folder / "spec.json").is_file():
        raise StoreError(f"{folder}: the run is not finished; go on with its study: latente run … --resume")
    raise StoreError(f"{folder}: is neither a run's folder (spec.json) nor a study's (study.json)")


def _of_study(folder: Path) -> list[Path]:
    runs = [run_folder(folder, run) for run in read_study(folder)[0].expanded()]
    missing = [r for r in runs if not is_finished(r)]
    if missing:
        names = ", ".join(str(r.relative_to(folder / "runs")) for r in missing[:4])
        raise StoreError(
            f"{folder}: {len(missing)} of {len(runs)} runs are not finished ({names}); finish it with the same "
            f"latente run … --out {folder} --resume, or name the folders of finished runs"
        )
    return runs


def _check_same_data(first: Opened, other: Opened) -> None:
    ours, theirs = first.run.card, other.run.card
    if ours["fingerprint"] == theirs["fingerprint"]:
        return
    a, b = (as_dict(o.run.spec.data) for o in (first, other))
    changed = [f"{k} {a[k]} and {b[k]}" for k in a if a[k] != b[k]]
    told = a["source"] == b["source"] and changed
    why = (
        f"split differently ({', '.join(changed)})" if told else f"of different data ({ours['name']}, {theirs['name']})"
    )
    raise SpecError(
        f"{first.where} and {other.where} are {why}: their examples do not pair; compare runs of one data set and split"
    )
