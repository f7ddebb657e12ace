"""A study, followed by trackers: each in a thread of its own, which it may block and in which it may fail.

The process that trains, or whose workers do, hears of every epoch and run; it alone speaks to trackers, so that they
are used the same whatever ``jobs`` is. Epochs are handed on in order and none twice: what a tracker missed, because it
failed or the study was broken off, it is given from the run's own history when the run is finished, at the latest at
the study's end, or by the same command with ``resume``.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from latente import stopping
from latente.atomic import make_folder, read_json, write_json
from latente.data.split import Data
from latente.errors import LatenteWarning, SpecError, StoreError
from latente.evaluation.folders import is_finished, run_folder
from latente.evaluation.run import Run, load
from latente.language.message import Message
from latente.plain import one_line
from latente.spec import Part, RunSpec, StudySpec, part
from latente.studies.trackers.base import Followed, Tracker, key, trackers
from latente.studies.watch import Watch
from latente.training.fit import EpochNumbers

FOLDER = "tracking"
"""In a study's folder, what its trackers were given: a file each."""

LEAVING = 5.0
"""Seconds in which trackers may write down that a study was broken off."""


def make_trackers(asked: Sequence[Part]) -> dict[str, Tracker]:
    """Trackers by name, which can be used here.

    Raises:
        SpecError: an unknown name or option, one that is asked for twice, or whose package is not installed.
    """
    found: dict[str, Tracker] = {}
    for one in asked:
        name = part(one)[0]
        made = trackers.make(one)
        if name in found:
            raise SpecError(f'track: "{name}" is given twice; give it once')
        made.check()
        found[name] = made
    return found


def asked_for(spec: StudySpec, also: Sequence[Part]) -> tuple[Part, ...]:
    """The trackers of a study file and those given beside it; of the same name, the latter where it has options."""
    known = {part(one)[0]: one for one in spec.track}
    for one in also:
        name = part(one)[0]
        if name not in known or not isinstance(one, str):
            known[name] = one
    return tuple(known.values())


class Tracking:
    """What a study says to its trackers.

    Attributes:
        watch: tells them of epochs and finished runs, and what it was made of as well.
    """

    def __init__(self, lines: Sequence[_Line], watch: Watch) -> None:
        self._lines, self._watch = lines, watch
        self.watch = Watch(self._on_epoch, watch.on_stage, self._on_done) if lines else watch

    def _on_epoch(self, epoch: EpochNumbers) -> None:
        for line in self._lines:
            line.epoch(epoch.run, epoch.number, dict(epoch.logs))
        self._warn()
        self._watch.on_epoch(epoch)

    def _on_done(self, run: RunSpec) -> None:
        for line in self._lines:
            line.done(run)
        self._warn()
        self._watch.on_done(run)

    def finish(self, runs: Sequence[Run]) -> None:
        """All runs and the report are written: wait until the trackers have what they miss."""
        for line in self._lines:
            line.finish(runs)
        for line in self._lines:
            line.wait()
        self._warn()

    def _warn(self) -> None:
        for line in self._lines:
            if line.failed is not None and not line.warned:
                line.warned = True
                why = " ".join(str(line.failed).split()) or type(line.failed).__name__
                message = Message("tracking.failed", tracker=line.name, why=one_line(why)[:200])
                warnings.warn(message, LatenteWarning, stacklevel=3)


@contextlib.contextmanager
def tracking(
    made: Mapping[str, Tracker], spec: StudySpec, data: Data, folder: Path, watch: Watch
) -> Iterator[Tracking]:
    """Follow a study; where the context ends before `Tracking.finish`, the trackers are told that it was broken off."""
    lines = [_Line(name, tracker, Followed(spec, data, folder)) for name, tracker in made.items()]
    try:
        yield Tracking(lines, watch)
    finally:
        for line in lines:
            line.leave()


class _Line:
    """One tracker, its thread, and what it was given so far."""

    def __init__(self, name: str, tracker: Tracker, study: Followed) -> None:
        self.name, self.tracker, self.study = name, tracker, study
        self.failed: BaseException | None = None
        self.warned = False
        self.ended: set[str] = set()
        self.logged: dict[str, int] = {}
        self.begun = self.left = False
        self.file = study.folder / FOLDER / f"{name}.json"
        self.jobs: queue.SimpleQueue[tuple[Callable[[], object], bool] | None] = queue.SimpleQueue()
        """What to do, and whether also after something has failed: each try may take until a server's time is out."""
        self.thread = threading.Thread(target=self._work, name=f"tracker {name}", daemon=True)
        self.thread.start()
        self.jobs.put((self._begin, False))

    def epoch(self, run: RunSpec, number: int, logs: Mapping[str, float]) -> None:
        self.jobs.put((lambda: self._epoch(run, number, logs), False))

    def done(self, run: RunSpec) -> None:
        self.jobs.put((lambda: self._complete(run, None), False))

    def finish(self, runs: Sequence[Run]) -> None:
        self.jobs.put((lambda: self._finish(runs), True))
        self.jobs.put(None)
        self.left = True

    def wait(self) -> None:
        """Until it has all; Ctrl-C is heard meanwhile."""
        while self.thread.is_alive():
            self.thread.join(0.1)
            stopping.check()

    def leave(self) -> None:
        if not self.left:
            self.left = True
            self.jobs.put((self.tracker.stop, False))
            self.jobs.put(None)
            self.thread.join(LEAVING)

    def _work(self) -> None:
        while (asked := self.jobs.get()) is not None:
            job, always = asked
            if self.failed is None or always:
                try:
                    job()
                except Exception as error:
                    self.failed = error

    def _begin(self) -> None:
        self.begun = False
        self.logged.clear()
        self.study.ids.clear()
        self.ended.clear()
        if self.file.is_file():
            kept = read_json(self.file)
            self.study.ids.update({str(k): str(v) for k, v in kept["ids"].items()})
            self.ended.update(map(str, kept["ended"]))
        self.tracker.begin(self.study)
        self.begun = True
        self._keep()

    def _keep(self) -> None:
        make_folder(self.file.parent, parents=False)
        write_json(self.file, {"ids": self.study.ids, "ended": sorted(self.ended)})

    def _open(self, run: RunSpec) -> int:
        """How many epochs of a run it has."""
        if key(run) not in self.logged:
            self.logged[key(run)] = self.tracker.begin_run(run)
            self._keep()
        return self.logged[key(run)]

    def _epoch(self, run: RunSpec, number: int, logs: Mapping[str, float]) -> None:
        # Of one that is out of turn, those before are missing: `_complete` gives them all, in order.
        if key(run) not in self.ended and number == self._open(run) + 1:
            self.tracker.log_epoch(run, number, logs)
            self.logged[key(run)] = number

    def _complete(self, spec: RunSpec, run: Run | None) -> None:
        """What a finished run misses."""
        if key(spec) in self.ended:
            return
        folder = run_folder(self.study.folder, spec)
        if run is None:
            if not is_finished(folder):
                raise StoreError(f"{folder}: the run is not finished; go on with its study: latente run … --resume")
            run = load(folder)
            run._data = self.study.data
        for number in range(self._open(spec) + 1, len(run.history["loss"]) + 1):
            self.tracker.log_epoch(spec, number, {k: float(v[number - 1]) for k, v in run.history.items()})
            self.logged[key(spec)] = number
        self.tracker.end_run(run, folder)
        self.ended.add(key(spec))
        self._keep()

    def _finish(self, runs: Sequence[Run]) -> None:
        if self.failed is not None or not self.begun:
            self._begin()
        for run in runs:
            self._complete(run.spec, run)
        self.tracker.end()
        self._keep()
