"""trackio: runs in its own local database, which ``trackio show`` opens; nothing leaves the machine."""

from __future__ import annotations

import contextlib
import contextvars
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latente.evaluation.run import Run
from latente.spec import RunSpec
from latente.studies.trackers.base import Followed, Tracker, end_numbers, key, settings_of, trackers


@trackers.register("trackio")
@dataclass
class Trackio(Tracker):
    """Runs of a local project of trackio's, in one group; they lie where ``TRACKIO_DIR`` says, or in trackio's cache.

    Of each run its settings, its losses by epoch and its numbers, at the last epoch; of the study those of the report's
    figures that are pictures.

    Attributes:
        project: its name; by default "latente".
    """

    needs = "trackio"
    project: str = "latente"
    _study: Followed | None = field(default=None, init=False)
    _open: dict[str, Any] = field(default_factory=dict, init=False)

    def begin(self, study: Followed) -> None:
        """Nothing is written yet."""
        self._study = study
        self._open.clear()

    def begin_run(self, run: RunSpec) -> int:
        """Its database says how many epochs it has."""
        from trackio.sqlite_storage import SQLiteStorage

        opened = self._begin(key(run), settings_of(run))
        logs = SQLiteStorage.get_logs(self.project, opened.name)
        return max((int(row["step"]) for row in logs if "loss" in row), default=0)

    def log_epoch(self, run: RunSpec, number: int, logs: Mapping[str, float]) -> None:
        """Its numbers, at the step of its number."""
        self._open[key(run)].log(dict(logs), step=number)

    def end_run(self, run: Run, folder: Path) -> None:
        """Its numbers, at the last epoch."""
        self._open[key(run.spec)].log(end_numbers(run), step=len(run.history["loss"]))
        self._finish(key(run.spec))

    def end(self) -> None:
        """A run for the study itself, with its figures."""
        import trackio

        assert self._study is not None
        opened = self._begin("", self._study.settings())
        pictures = [path for path in self._study.figures() if path.suffix == ".png"]
        if pictures:
            opened.log({f"figures/{path.stem}": trackio.Image(str(path)) for path in pictures}, step=0)
        self._finish("")

    def stop(self) -> None:
        """What is written so far is kept."""
        for name in list(self._open):
            self._finish(name)

    def _begin(self, name: str, config: Mapping[str, Any]) -> Any:
        import trackio

        assert self._study is not None
        title = self._study.spec.title
        # Of a name of its own: runs of other studies may be called alike.
        called = self._study.ids.setdefault(name, f"{name or title} {secrets.token_hex(4)}")

        def begin() -> Any:
            return trackio.init(
                self.project, name=called, group=title, config=dict(config), resume="allow", embed=False,
                auto_log_gpu=False, auto_log_cpu=False,
            )  # fmt: skip

        # It ends the run that goes on in the same context, and several go on here at once. What it prints is no result.
        with contextlib.redirect_stdout(sys.stderr):
            self._open[name] = contextvars.Context().run(begin)
        return self._open[name]

    def _finish(self, name: str) -> None:
        with contextlib.redirect_stdout(sys.stderr):
            self._open.pop(name).finish()
