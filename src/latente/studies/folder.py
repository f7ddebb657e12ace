"""A study's folder, read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from latente.data.load import AnySource
from latente.data.split import Data
from latente.evaluation.folders import finished_study
from latente.evaluation.run import Run, load
from latente.evaluation.run_data import read_data
from latente.plain import as_html, as_text
from latente.spec import StudySpec


@dataclass(repr=False)
class Study:
    """A finished study: its spec, runs and folder."""

    spec: StudySpec
    runs: list[Run]
    folder: Path
    report: Path | None = None

    def __repr__(self) -> str:
        return as_text(*self._summary())

    def _repr_html_(self) -> str:
        return as_html(*self._summary())

    def _summary(self) -> tuple[str, list[tuple[str, object]]]:
        rows: list[tuple[str, object]] = [
            ("data", self.spec.data.source),
            ("runs", f"{len(self.runs)}: {', '.join(dict.fromkeys(r.spec.name for r in self.runs))}"),
            ("seeds", ", ".join(map(str, self.spec.seeds))),
            ("folder", self.folder),
            ("report", self.report or "not written"),
        ]
        return f"study {self.spec.title}", rows


def load_study(folder: str | Path, *, data: Data | AnySource | None = None) -> tuple[StudySpec, list[Run], str | None]:
    """A study's spec, its finished runs and the command that made it, from its folder.

    Args:
        folder: the study's.
        data: its data set, or where it is now; otherwise it is read again from its source when it is first needed.

    Raises:
        StoreError: not a study folder, damaged, or without a finished run.
        DataError: ``data`` is not what the runs were trained on.
    """
    folder = Path(folder)
    spec, places, command = finished_study(folder)
    runs = [load(place) for place in places]
    if data is not None:
        found = read_data(spec.data, runs[0].card, data)
        for run in runs:
            run._data = read_data(spec.data, run.card, found)
    return spec, runs, command
