"""Runs in parallel, each in a worker process: small matrices gain little from more threads, and whole runs gain all.

A worker is this module as a program. It reads its work as lines of JSON from standard input, and reports its progress
as lines of JSON on standard output. It ends when its input does, and on Linux even while it is stopped, so that none
outlives the process that started it. The current folder is not on its path. Nothing heavy is imported here, so that
workers get ready while the process that starts them still imports what it needs.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import itertools
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latente import plugins, stopping
from latente._begin import without_empty
from latente.errors import DataError, LatenteError, SpecError
from latente.evaluation.access_log import as_command, command
from latente.language.message import from_json, to_json

if TYPE_CHECKING:
    from latente.data.split import Data
    from latente.spec import Part, RunSpec
    from latente.studies.search import Search
    from latente.studies.watch import Watch

GRACE = 60.0
"""Seconds that workers have to save their state once they are asked to end."""

SILENT = 5.0
"""Seconds in which a worker whose output has ended should end, too."""

WORKER = "import sys; sys.path.append({!r}); from latente.studies.workers import main; main()"
"""The program of a worker, which also finds a latente that is on no path but the caller's own."""

PR_SET_PDEATHSIG = 1
"""Of prctl(2)."""

EARLY = 2
"""How many are started before it is known how many runs there are."""

Event = Mapping[str, Any]


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Worker:
    """One process, and the run that it performs.

    Args:
        events: where its events are put; None is the end of its output.
        threads: how many the libraries beside XLA may use.
    """

    def __init__(self, events: queue.SimpleQueue[tuple[Worker, Event | None]], threads: int) -> None:
        self.run: RunSpec | None = None
        self.told = self.idle = False
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        libraries = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        own = {"PYTHONPATH": without_empty(os.environ.get("PYTHONPATH", "")), "PYTHONSAFEPATH": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", WORKER.format(str(Path(__file__).parents[2]))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, **own, **dict.fromkeys(libraries, str(threads))},
            # Ctrl-C reaches the first process alone, which then tells the workers, once.
            start_new_session=True,
        )
        threading.Thread(target=self._listen, args=(events,), daemon=True).start()

    def _listen(self, events: queue.SimpleQueue[tuple[Worker, Event | None]]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            # One that is killed while it speaks leaves half a line.
            try:
                event = json.loads(line)
            except ValueError:
                break
            events.put((self, event))
        events.put((self, None))

    def send(self, message: Mapping[str, Any]) -> None:
        """Write a line to its input. That it has ended is noticed by the end of its output."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(message), file=self.process.stdin, flush=True)

    def ended(self) -> LatenteError:
        """What to say of one whose output ended while it had something to do."""
        self.wait(SILENT)
        code = self.process.wait()
        self.log.seek(0)
        said = " ".join(self.log.read().split())[-300:]
        what = f'run "{self.run.name}"' if self.run else "the conclusions"
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        hint = "perhaps memory ran out; " if code == -signal.SIGKILL else ""
        return LatenteError(
            f"{what}: its process {how}; {hint}go on with --resume, perhaps with --jobs 1"
            + (f" (it said: {said})" if said else "")
        )

    def wait(self, seconds: float) -> None:
        """Wait for its end, and bring it about when the time is over."""
        try:
            self.process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class WorkerPool:
    """Up to ``jobs`` processes that work for this one and end with the context; the first `EARLY` start at once.

    Their events arrive in one queue; None is the end of a worker's output.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.workers: list[Worker] = []
        self.events: queue.SimpleQueue[tuple[Worker, Event | None]] = queue.SimpleQueue()

    def __enter__(self) -> WorkerPool:
        try:
            self.start_workers(min(self.jobs, EARLY))
        except BaseException:
            self.shutdown()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def start_workers(self, count: int) -> None:
        """Start as many more as make it ``count``."""
        while len(self.workers) < count:
            self.workers.append(Worker(self.events, max(1, processors() // self.jobs)))

    def shutdown(self) -> None:
        """End all of them; they save their state at the same time."""
        for worker in self.workers:
            worker.process.terminate()
            # A stopped process would not notice.
            with contextlib.suppress(AttributeError, OSError):
                worker.process.send_signal(signal.SIGCONT)
        until = time.monotonic() + GRACE
        for worker in self.workers:
            worker.wait(until - time.monotonic())
            worker.log.close()
        self.workers.clear()

    def perform(
        self,
        runs: Sequence[RunSpec],
        of: int,
        data: Data,
        study: Path,
        asked: Sequence[Part],
        watch: Watch,
        keep_codes: bool = False,
    ) -> None:
        """Perform runs, each in one of the processes; the longest start first.

        Args:
            runs: which; their data is read again by every process.
            of: how many runs the study has. It, and not what is left to do, says how many threads each gets: sums
                depend on them, and a resumed study must give the same bits.
            data: their data, which a worker recognises by its fingerprint.
            study: the study's folder.
            asked: the scores, as specs.
            watch: what to call.
            keep_codes: whether each keeps the codes of its examples.

        Raises:
            LatenteError: what a run raised, or that its process ended.
        """
        from latente.spec import as_dict

        steps = {id(run): run.train.epochs_for(len(data.train)) * run.train.steps(len(data.train)) for run in runs}
        waiting = sorted(runs, key=lambda run: -steps[id(run)])
        about = self._about(of, data, study, asked)

        def take(busy: int) -> tuple[RunSpec, Event] | None:
            if not waiting:
                return None
            return waiting[0], {"run": as_dict(waiting.pop(0)), "keep_codes": keep_codes}

        # At least one, which finds the conclusions.
        self._hand_out(take, max(1, min(self.jobs, len(runs))), about, watch, anything=bool(runs))

    def search(self, search: Search, of: int, data: Data, study: Path, asked: Sequence[Part], watch: Watch) -> None:
        """Perform the trials of a study's search, which lies in its folder; arguments as in `perform`.

        Raises:
            LatenteError: what a trial raised that is no fault of its settings, or that its process ended.
        """

        numbers = itertools.count(search.begun())

        def take(busy: int) -> tuple[RunSpec, Event] | None:
            if search.remaining(busy) <= 0:
                return None
            number = next(numbers)
            return search.trial_spec(number), {"trial": number}

        about = self._about(of, data, study, asked)
        self._hand_out(take, min(self.jobs, search.remaining()), about, watch, anything=search.remaining() > 0)

    def _about(self, of: int, data: Data, study: Path, asked: Sequence[Part]) -> Event:
        """What every worker is told first; equal for all that is asked of it."""
        from latente.spec import as_dict

        return {
            "data": as_dict(data.spec),
            "fingerprint": data.fingerprint,
            "name": data.name,
            "study": str(study),
            "scores": [dict(s) if isinstance(s, Mapping) else s for s in asked],
            "command": command(),
            "plugins": [{"path": file.path, "sha256": file.sha256} for file in plugins.files()],
            "threads": max(1, processors() // min(self.jobs, of)),
        }

    def _hand_out(
        self,
        take: Callable[[int], tuple[RunSpec, Event] | None],
        needed: int,
        about: Event,
        watch: Watch,
        *,
        anything: bool,
    ) -> None:
        """Have so many workers do what ``take`` gives (called with how many are at work), until that is nothing and all
        have done it."""
        self.start_workers(needed)
        for worker in self.workers[:needed]:
            if not worker.told:
                worker.told = True
                worker.send(about)
        busy, left = 0, anything
        while left or busy:
            for worker in [w for w in self.workers[:needed] if w.idle]:
                if (asked := take(busy)) is None:
                    left = False
                    break
                worker.run, worker.idle = asked[0], False
                worker.send(asked[1])
                busy, left = busy + 1, True
            if not (left or busy):
                return
            worker, event = self._next()
            if event is None:
                raise worker.ended()
            if event["event"] == "idle":
                worker.idle = True
                if worker.run is not None:
                    watch.on_done(worker.run)
                    worker.run, busy, left = None, busy - 1, True
            elif worker.run is not None:
                _pass_on(watch, worker.run, event)

    def conclude(self) -> Callable[[], Event]:
        """Have a worker find the conclusions of the runs that were performed; gives a function that waits for what
        `latente.report.conclusions.conclude` gave."""
        self.workers[0].send({"conclude": True})

        def concluded() -> Event:
            while True:
                worker, event = self._next()
                if event is None and worker is self.workers[0]:
                    raise worker.ended()
                if event is not None and event["event"] == "concluded":
                    return event

        return concluded

    def _next(self) -> tuple[Worker, Event | None]:
        """The next event; one that is an error is raised."""
        worker, event = stopping.wait_for(self.events)
        if event is not None and event["event"] == "error":
            raise _error(event)
        return worker, event


def _pass_on(watch: Watch, run: RunSpec, event: Event) -> None:
    from latente.training.fit import EpochNumbers

    if event["event"] == "stage":
        watch.on_stage(from_json(event["text"]), run)
    else:
        watch.on_epoch(EpochNumbers(run, **{k: v for k, v in event.items() if k != "event"}))


def _error(event: Event) -> Exception:
    if event["kind"] == "MemoryError":
        return MemoryError()
    kinds: list[type[LatenteError]] = [LatenteError, *LatenteError.__subclasses__()]
    for kind in kinds:
        if kind.__name__ == event["kind"]:
            return kind(event["text"])
    return RuntimeError(f"{event['kind']}: {event['text']}")


def main() -> None:
    """A worker: the first line of standard input describes the study, and each line that follows a run."""
    # The first process has printed the notes on the data.
    logging.getLogger("latente.data").addHandler(logging.NullHandler())
    _die_with_parent()
    stopping.listen()
    # Whatever prints must not end up between the lines of JSON.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(event: str, **more: Any) -> None:
        print(json.dumps({"event": event, **more}), file=out, flush=True)

    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    try:
        _work(lines, say)
    except stopping.Stopped as stopped:
        stopping.end(stopped.code)
    except (LatenteError, MemoryError) as error:
        say("error", kind=type(error).__name__, text=str(error))
    except Exception as error:
        if os.environ.get("LATENTE_DEBUG"):
            raise
        say("error", kind=type(error).__name__, text=" ".join(str(error).split())[:300])


def _die_with_parent() -> None:
    """Be killed when who started this one is; the end of standard input is not noticed by a process that is stopped."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))


def _work(lines: queue.SimpleQueue[str], say: Any) -> None:
    from latente import program_cache
    from latente.data.load import load_spec
    from latente.evaluation.scores import scores
    from latente.spec import DataSpec, build, run_from_dict
    from latente.studies.train import perform
    from latente.studies.watch import Watch
    from latente.training.fit import EpochNumbers

    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        program_cache.install()
    about = json.loads(stopping.wait_for(lines))
    # How many threads XLA takes; it is read when JAX first computes something.
    os.environ["NPROC"] = str(about["threads"])
    for file in about["plugins"]:
        if plugins.load_plugin(file["path"]).sha256 != file["sha256"]:
            raise SpecError(f"plug-in {file['path']}: changed while the study was going on; start it again")
    data = load_spec(build(DataSpec, about["data"], "data"))
    if data.fingerprint != about["fingerprint"]:
        raise DataError(f"{data.name}: changed while the study was going on; start it again")
    # As it was called when the study began, where the data has moved since.
    data = dataclasses.replace(data, name=about["name"])
    asked = [scores.make(s) for s in about["scores"]]

    def on_epoch(epoch: EpochNumbers) -> None:
        names = [f.name for f in dataclasses.fields(EpochNumbers) if f.name != "run"]
        say("epoch", **{name: getattr(epoch, name) for name in names})

    def on_stage(text: str, run: RunSpec | None) -> None:
        stopping.check()
        say("stage", text=to_json(text))

    watch = Watch(on_epoch, on_stage)
    study = Path(about["study"])
    search: Search | None = None
    with as_command(about["command"]):
        while True:
            say("idle")
            asks = json.loads(stopping.wait_for(lines))
            if "run" in asks:
                perform(run_from_dict(asks["run"]), data, study, asked, watch, asks["keep_codes"])
            elif "trial" in asks:
                search = search or _search_of(study, data)
                search.one(asks["trial"], watch)
            else:
                say("concluded", **_concluded(study, data))


def _search_of(study: Path, data: Data) -> Search:
    from latente.evaluation.folders import read_study
    from latente.studies.search import Search

    return Search(read_study(study)[0], data, study)


def _concluded(study: Path, data: Data) -> dict[str, Any]:
    from latente.report.conclusions import conclude, ignored
    from latente.studies.folder import load_study

    spec, runs, _ = load_study(study)
    for run in runs:
        run._data = data
    return conclude(runs, study, ignored(spec.ignore))


def _listen(lines: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        lines.put(line)
    # Nobody is there any more to work for. What is written is written in one step each.
    os._exit(1)
