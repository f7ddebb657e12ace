"""What a tracker is: it is told of a study and its runs while they go on, and writes that down somewhere else."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from latente.data.split import Data
from latente.errors import SpecError
from latente.evaluation.run import Run
from latente.registry import Registry
from latente.spec import RunSpec, StudySpec, as_dict, got


@dataclass(frozen=True)
class Followed:
    """The study that a tracker follows.

    Attributes:
        spec: the study's.
        data: what its runs are trained on.
        folder: the study's.
        ids: the tracker's own names of the study ("") and of its runs (`key`), which it may fill; kept in the folder,
            so that a study that is gone on with continues what was begun.
    """

    spec: StudySpec
    data: Data
    folder: Path
    ids: dict[str, str] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """What is said of the whole study: its data by name, fingerprint and examples of each part, and its seeds."""
        counts = {f"data.{part}": len(self.data.part(part)) for part in ("train", "validation", "test")}
        about = {"data.name": self.data.name, "data.fingerprint": self.data.fingerprint, **counts}
        return {**about, "seeds": list(self.spec.seeds), "runs": [run.name for run in self.spec.runs]}

    def artifacts(self) -> list[Path]:
        """The finished study's own files: its spec, numbers and report."""
        names = ("study.json", "results.csv", "findings.json", "report.html")
        return [self.folder / name for name in names if (self.folder / name).is_file()]

    def figures(self) -> list[Path]:
        """The report's figures."""
        return sorted(
            path for path in (self.folder / "figures").glob("*.*") if path.suffix in (".png", ".svg", ".webp")
        )


class Tracker(ABC):
    """Where a study and its runs are written down while they go on.

    A dataclass of its options, registered under its name. Its methods are called one after the other, all in one thread
    that is not the one that trains: what they raise ends no training. `begin` comes first; it comes again, on a new
    object, when a study is gone on with.
    """

    needs: ClassVar[str]
    """The package that must be there, which is the name of the extra that brings it."""

    @classmethod
    def check(cls) -> None:
        """That its package is there, without importing it.

        Raises:
            SpecError: it is not.
        """
        if importlib.util.find_spec(cls.needs) is None:
            raise SpecError(f"track: {cls.needs} is not installed; pip install 'latente[{cls.needs}]'")

    @abstractmethod
    def begin(self, study: Followed) -> None:
        """A study begins, or goes on: its ``ids`` are then known."""

    @abstractmethod
    def begin_run(self, run: RunSpec) -> int:
        """A run begins, or goes on; how many of its epochs are written down already."""

    @abstractmethod
    def log_epoch(self, run: RunSpec, number: int, logs: Mapping[str, float]) -> None:
        """The numbers of an epoch, counted from 1: `latente.training.fit.EpochNumbers.logs`."""

    @abstractmethod
    def end_run(self, run: Run, folder: Path) -> None:
        """A run is trained, evaluated and scored, and lies in its folder."""

    @abstractmethod
    def end(self) -> None:
        """The study is finished: figures and report lie in its folder."""

    @abstractmethod
    def stop(self) -> None:
        """The study ends before it is finished, and may be gone on with."""


trackers: Registry[Tracker] = Registry("tracker")


def key(run: RunSpec) -> str:
    """What a run of a study is called: as its folder, below ``runs/``."""
    return f"{run.name}/seed-{run.seed}"


def settings_of(run: RunSpec) -> dict[str, Any]:
    """A run's spec, flat: "model.latent_dim", "train.epochs", …; a part is its name, and its options have theirs."""
    return dict(_flat("", {k: v for k, v in as_dict(run).items() if k != "name"}))


def _flat(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            named = prefix + name
            if isinstance(value.get("name"), str):
                yield named, value["name"]
            yield from _flat(f"{named}.", {k: v for k, v in value.items() if k != "name"})
        elif value is not None and value != []:
            yield prefix + name, value


def end_numbers(run: Run) -> dict[str, float]:
    """A finished run's numbers: "test/loss" and, where it is known, its standard error "test/loss/error"."""
    found = {}
    for split, metrics in run.metrics.items():
        for name, metric in metrics.items():
            found[f"{split}/{name}"] = float(metric.value)
            if metric.standard_error == metric.standard_error:
                found[f"{split}/{name}/error"] = float(metric.standard_error)
    return found


def check_url(option: str, url: str, instead: str) -> None:
    """Refuse a URL that holds a password, which would end in files that are shown to others.

    Raises:
        SpecError: it does.
    """
    try:
        secret = urlsplit(url).password
    except ValueError as error:
        raise got(option, url, f"a URL ({error})") from None
    if secret is not None:
        raise SpecError(f"{option}: holds a password, which files and reports would show; leave it out: {instead}")
