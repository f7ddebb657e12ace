"""The runs that a page can open: one or two folders, or all of a study while it is still training."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.atomic import read_json
from latente.data.images import to_bytes
from latente.data.notes import Note, log_notes
from latente.data.split import Data
from latente.data.units import span_of
from latente.errors import DataError, LatenteError
from latente.evaluation.folders import STUDY, is_finished, is_study, read_study, run_folder, run_folders, trained_on
from latente.evaluation.manifest import reading
from latente.evaluation.run import Run, load
from latente.evaluation.run_data import AbsentData, found_data, read_data
from latente.evaluation.run_files import read_curves
from latente.explorer.run_view import RunView, finite
from latente.spec import DataSpec, build

CHECKPOINT = "checkpoint.safetensors"

POINTS = 400
"""Points of a curve that are sent: of a longer history every so many."""

Curves = tuple[dict[str, Any], NDArray[np.uint8] | None, tuple[float, float]]
"""A history by name, frames, and the model values for which they have 0 and 255."""

NO_CURVES: Curves = ({}, None, (0.0, 1.0))


@dataclass
class CatalogueEntry:
    """A run that is finished, in training or not yet begun.

    Attributes:
        name: what it is called on the page.
        folder: where it is; None for a run in memory.
        epochs: how many it was asked for, where that is known.
        run: the run in memory.
        part_of_study: whether a training may still be going on in its folder.
    """

    name: str
    folder: Path | None
    epochs: int | None = None
    run: Run | None = None
    part_of_study: bool = False

    @property
    def state(self) -> str:
        """ "finished", "training" or "waiting"."""
        if self.folder is None or is_finished(self.folder):
            return "finished"
        return "training" if (self.folder / CHECKPOINT).is_file() else "waiting"


class RunCatalogue:
    """Entries by number, opened when first asked for; runs of one study share its data.

    Args:
        entries: the runs.
        data: where their data is now; None: where it was.
    """

    def __init__(self, entries: Sequence[CatalogueEntry], data: str | Path | None = None) -> None:
        self.entries, self._place = list(entries), data
        self._open: dict[int, RunView] = {}
        self._data: dict[str, Data] = {}
        self._lock = threading.Lock()

    def __getitem__(self, number: int) -> RunView:
        """The run of that number.

        Raises:
            DataError: no such number, a run that is still training, or data that is gone.
            StoreError: the folder is damaged.
        """
        entry = self.entry(number)
        with self._lock:
            if number not in self._open:
                if entry.state != "finished":
                    raise DataError(f'run "{entry.name}" is still training; wait until it is finished')
                run = entry.run or self._load(entry)
                self._open[number] = RunView(run, entry.folder)
            return self._open[number]

    @property
    def opened(self) -> frozenset[int]:
        """The numbers of the runs that are in memory."""
        return frozenset(self._open)

    def entry(self, number: int) -> CatalogueEntry:
        """The entry of that number.

        Raises:
            DataError: there is none.
        """
        if not 0 <= number < len(self.entries):
            raise DataError(f"run: got {number}; allowed: 0 to {len(self.entries) - 1}")
        return self.entries[number]

    def table(self) -> list[dict[str, Any]]:
        """Names and states, ready for JSON."""
        return [{"name": e.name, "state": e.state, "epochs": e.epochs, "study": e.part_of_study} for e in self.entries]

    def progress(self, number: int) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Curves so far, and the reconstructions of the first validation images over the epochs.

        Returns:
            ``history`` by name, thinned to `POINTS`, with its ``epochs``; ``frames`` uint8 (frames, n, *shape) and
            ``originals`` uint8 (n, *shape), where there are any.

        Raises:
            StoreError: the files of a finished run are damaged.
        """
        entry = self.entry(number)
        history, frames, span = _history(entry)
        length = max((len(v) for v in history.values()), default=0)
        at = np.unique(np.linspace(0, length - 1, min(length, POINTS)).round().astype(int)) if length else np.arange(0)
        meta = {
            "state": entry.state,
            "done": length,
            "asked": entry.epochs,
            "epochs": (at + 1).tolist(),
            "history": {k: [finite(v[i]) for i in at] for k, v in history.items()},
        }
        arrays: dict[str, NDArray[Any]] = {}
        if frames is not None and frames.size:
            arrays["frames"] = frames
            data = self._data_of(entry)
            # Originals of other data would stand above reconstructions that are not theirs.
            if data is not None and data.is_image and data.fingerprint == _fingerprint(entry):
                first = data.values(data.validation.x[: frames.shape[1]])
                arrays["originals"] = to_bytes(first, *span)
        return meta, arrays

    def _load(self, entry: CatalogueEntry) -> Run:
        assert entry.folder is not None
        run = load(entry.folder)
        try:
            shared = self._shared(run.spec.data)
        except DataError as error:
            if run.codes is None or self._place is not None:
                raise
            log_notes([Note("map-kept", {"fingerprint": str(run.card["fingerprint"])[:12]})])
            run._data = AbsentData(run.spec.data, run.card, run._known_units(), error)
            return run
        # As Run.data does: the page must not show another data set's points.
        run._data = read_data(run.spec.data, run.card, shared)
        return run

    def _data_of(self, entry: CatalogueEntry) -> Data | None:
        if entry.run is not None:
            return entry.run.data
        assert entry.folder is not None
        source = entry.folder.parents[2] / STUDY if entry.part_of_study else entry.folder / "spec.json"
        try:
            return self._shared(build(DataSpec, read_json(source)["data"], "data"))
        except (LatenteError, KeyError):
            return None

    def _shared(self, spec: DataSpec) -> Data:
        key = repr(spec)
        if key not in self._data:
            self._data[key] = found_data(spec, self._place)
        return self._data[key]


def find_runs(paths: Sequence[str | Path | Run], data: str | Path | None = None) -> RunCatalogue:
    """The runs in these places: run folders, a study's folder, or runs in memory; ``data`` as in `RunCatalogue`.

    Raises:
        StoreError: a folder that is neither.
    """
    entries: list[CatalogueEntry] = []
    for place in paths:
        if isinstance(place, Run):
            entries.append(CatalogueEntry(place.spec.name, None, len(place.history.get("loss", ())), place))
        elif is_study(Path(place)):
            entries += _of_study(Path(place))
        else:
            for folder in run_folders(Path(place)):
                name = folder.name if not folder.name.startswith("seed-") else f"{folder.parent.name}, {folder.name}"
                entries.append(CatalogueEntry(name, folder))
    return RunCatalogue(entries, data)


def _of_study(folder: Path) -> list[CatalogueEntry]:
    spec, _ = read_study(folder)
    several = len(spec.seeds) > 1
    return [
        CatalogueEntry(
            f"{run.name}, seed {run.seed}" if several else run.name,
            run_folder(folder, run),
            run.train.epochs if isinstance(run.train.epochs, int) else None,
            part_of_study=True,
        )
        for run in spec.expanded()
    ]


def _history(entry: CatalogueEntry) -> Curves:
    if entry.run is not None:
        return dict(entry.run.history), entry.run.frames, span_of(*entry.run.card["range"])
    assert entry.folder is not None
    if entry.state == "finished":
        return reading(entry.folder, read_curves)
    try:
        return _arrays(entry.folder / CHECKPOINT)
    except (OSError, ValueError, KeyError, TypeError):
        # The file was replaced or removed while it was read: the next time it is whole.
        return NO_CURVES


def _fingerprint(entry: CatalogueEntry) -> str | None:
    """Of the data that a run was trained on, or is."""
    if entry.run is not None:
        return str(entry.run.card["fingerprint"])
    assert entry.folder is not None
    found = trained_on(entry.folder)
    return None if found is None else found[0]


def _arrays(path: Path) -> Curves:
    """The history and the frames of a checkpoint; the training's state, which is most of the file, is not read."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return NO_CURVES
    try:
        with safe_open(path, "numpy") as file:
            names = list(file.keys())
            history = {k.removeprefix("history."): file.get_tensor(k) for k in names if k.startswith("history.")}
            low, high = file.get_tensor("frames_span") if "frames_span" in names else (0.0, 1.0)
            return history, file.get_tensor("frames") if "frames" in names else None, (float(low), float(high))
    except SafetensorError as error:
        raise ValueError(str(error)) from None
