"""Run a study: train, evaluate and compare every run, then write the figures, the tables and the report."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from latente._version import __version__
from latente.atomic import cannot_write, clear_parts, read_json, write_json, write_text
from latente.data.load import ARRAYS, AnySource, load_spec
from latente.data.split import Data
from latente.errors import DataError, SpecError, StoreError
from latente.evaluation.run import Run, load, read_data
from latente.evaluation.scores import scores
from latente.interfaces.performing import Watch, is_finished, perform, run_folder
from latente.interfaces.studyfile import DEFAULT, read_study
from latente.interfaces.words import Words, default_language
from latente.interfaces.workers import Crew, crew
from latente.spec import DataSpec, StudySpec, as_dict, build, got, run_from_dict
from latente.training import store
from latente.training.check import check


@dataclass
class Study:
    """A finished study: its spec, runs and folder."""

    spec: StudySpec
    runs: list[Run]
    folder: Path
    report: Path | None = None


def run_study(
    study: str | Path | StudySpec = DEFAULT,
    *,
    data: str | Path | Data | None = None,
    out: str | Path | None = None,
    settings: Iterable[str] = (),
    seeds: int | Iterable[int] | None = None,
    lang: str | None = None,
    resume: bool = False,
    command: str | None = None,
    watch: Watch | None = None,
    jobs: int | Crew = 1,
) -> Study:
    """Perform a study and write its folder.

    Args:
        study: a TOML file, the name of a shipped study, or a spec.
        data: instead of the study's: a name, a file, a folder, or what `load_data` returned.
        out: the folder to make; by default a new one in ``runs/``.
        settings, seeds: see `latente.interfaces.studyfile.read_study`.
        lang: the report's language, "en" or "pt"; by default the user's locale.
        resume: go on in ``out`` where an earlier call with the same arguments stopped.
        command: how to say in the report what reproduces it.
        watch: what to call while it goes on.
        jobs: how many runs are performed at a time, each in a process of its own with its share of the processors;
            1: one after the other in this process, with all of them. Threads may add up in another order, so that
            ``resume`` promises the same bits for the same ``jobs`` only. Arrays in memory and networks of your own
            are unknown to other processes and need 1. A study of one run is performed here.

    Raises:
        SpecError: a study, setting or language that means nothing.
        DataError: data that cannot be used.
        StoreError: ``out`` exists (without ``resume``), is of another study, or cannot be written.
        TrainingError: a loss stopped being finite; what was trained before is kept.
    """
    watch = watch or Watch()
    words = Words(lang or default_language())
    if isinstance(study, StudySpec):
        spec = study
    else:
        named = data.spec.source if isinstance(data, Data) else data
        spec = read_study(study, data=named, settings=settings, seeds=seeds)
    if not isinstance(jobs, Crew) and (isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1):
        raise got("jobs", jobs, "a whole number of at least 1")
    if len(spec.expanded()) == 1:
        if isinstance(jobs, Crew):
            jobs.dismiss()
        jobs = 1
    if resume and out is None:
        raise SpecError(
            "resume: got no out, so that there is nothing to go on with; give the study's folder (--out DIR)"
        )
    folder = Path(out) if out is not None else _new_folder(spec)
    _check_free(folder, resume)
    found = data if isinstance(data, Data) else load_spec(spec.data)
    if jobs != 1 and found.spec.source == ARRAYS:
        raise SpecError("jobs: the runs' processes cannot read arrays that are only in memory; take jobs = 1")
    spec = dataclasses.replace(spec, data=found.spec)
    _check_same(folder, spec)
    asked = [scores.make(s) for s in spec.scores]
    for run in spec.runs:
        try:
            check(run, found)
        except (SpecError, DataError) as error:
            raise type(error)(f'run "{run.name}": {error}') from None
    with _locked(folder):
        clear_parts(folder)
        if not (folder / "study.json").exists():
            write_json(folder / "study.json", {"latente": __version__, "command": command, **as_dict(spec)})
        waiting = [run for run in spec.expanded() if not is_finished(run_folder(folder, run))]
        with _crew(jobs if waiting else 1) as workers:
            if workers is not None:
                workers.perform(waiting, len(spec.expanded()), found, folder, spec.scores, watch)
            runs = [perform(run, found, folder, asked, watch) for run in spec.expanded()]
            report = write_study_report(spec, runs, found, folder, words, command, watch, workers)
    return Study(spec, runs, folder, report)


@contextlib.contextmanager
def _crew(jobs: int | Crew) -> Iterator[Crew | None]:
    """The workers that are asked for; None for none."""
    if isinstance(jobs, Crew):
        yield jobs
    elif jobs == 1:
        yield None
    else:
        with crew(jobs) as workers:
            yield workers


def load_study(
    folder: str | Path, *, data: Data | AnySource | None = None
) -> tuple[StudySpec, list[Run], str | None]:
    """A study's spec, its finished runs and the command that made it, from its folder.

    Args:
        folder: the study's.
        data: its data set, or where it is now; otherwise it is read again from its source when it is first needed.

    Raises:
        StoreError: not a study folder, damaged, or without a finished run.
        DataError: ``data`` is not what the runs were trained on.
    """
    folder = Path(folder)
    if not (folder / "study.json").is_file():
        raise StoreError(f"{folder}: is not a study folder (it has no study.json); latente run makes one")
    table = read_json(folder / "study.json")
    try:
        command = table.get("command")
        spec = _study_from_dict({k: v for k, v in table.items() if k not in ("latente", "command")})
    except (SpecError, AttributeError, KeyError, TypeError) as error:
        raise StoreError(f"{folder}/study.json: is damaged or of another version of latente ({error})") from None
    missing = [r.name for r in spec.expanded() if not is_finished(run_folder(folder, r))]
    if missing:
        raise StoreError(
            f"{folder}: {len(missing)} of {len(spec.expanded())} runs are not finished ({', '.join(missing[:4])}); "
            f"finish it with the same latente run … --out {folder} --resume"
        )
    runs = [load(run_folder(folder, r)) for r in spec.expanded()]
    if data is not None:
        found = read_data(spec.data, runs[0].card, data)
        for run in runs:
            run._data = read_data(spec.data, run.card, found)
    return spec, runs, command


def report_study(
    folder: str | Path,
    *,
    lang: str | None = None,
    watch: Watch | None = None,
    data: Data | AnySource | None = None,
) -> Path:
    """Write the figures and the report of a finished study again, perhaps in another language.

    The test part is not looked at again: its numbers are those the runs recorded. ``data`` as in `load_study`.

    Raises:
        StoreError: as `load_study`. DataError: the data is gone or has changed.
    """
    words = Words(lang or default_language())
    spec, runs, command = load_study(folder, data=data)
    found = runs[0].data
    for run in runs:
        run._data = found
    return write_study_report(spec, runs, found, Path(folder), words, command, watch or Watch())


def write_study_report(
    spec: StudySpec,
    runs: Sequence[Run],
    data: Data,
    folder: Path,
    words: Words,
    command: str | None,
    watch: Watch,
    workers: Crew | None = None,
) -> Path:
    """Write results.csv, findings.json, the figures and report.html of finished runs.

    One of the ``workers``, where there are some that know the study, finds the conclusions beside the drawing.
    """
    from latente.interfaces.conclusions import conclude
    from latente.interfaces.report import results_csv, write_figures, write_report

    watch.on_stage("comparing the runs, drawing the figures and writing the report", None)
    write_text(folder / "results.csv", results_csv(runs))
    concluding = None if workers is None else workers.conclude(words.language)
    drawn = write_figures(folder, runs, data, words)
    found = conclude(runs, folder, words) if concluding is None else concluding()
    return write_report(
        folder, spec, runs, data, found.conclusions, words, command or "", facts(), notes=found.notes, drawn=drawn
    )


def facts() -> dict[str, Any]:
    """Versions and machine, as the report states them."""
    names = ("jax", "jaxlib", "equinox", "optax", "numpy", "scikit-learn", "matplotlib", "safetensors")
    found = {"latente": __version__, "python": platform.python_version()}
    for name in names:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return {
        "versions": found,
        "platform": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "date": datetime.date.today().isoformat(),
    }


def _new_folder(spec: StudySpec) -> Path:
    stem = Path(spec.data.source).stem
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = Path("runs") / f"{stem}-{stamp}"
    number = 2
    while folder.exists():
        folder = Path("runs") / f"{stem}-{stamp}-{number}"
        number += 1
    return folder


def _check_free(folder: Path, resume: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir():
        raise StoreError(f"{folder}: is a file; --out takes a folder")
    if not resume:
        raise StoreError(
            f"{folder}: exists and is not empty; nothing is overwritten. Choose another --out, "
            "or go on with an interrupted study with --resume"
        )
    known = folder / "study.json"
    # A study that was killed in its first moments has a lock or a part of a file, and nothing else.
    if not known.exists() and not all(p.name == ".lock" or p.name.endswith(".part") for p in folder.iterdir()):
        raise StoreError(f"{folder}: holds something that is not a study; choose another --out")


def _check_same(folder: Path, spec: StudySpec) -> None:
    known = folder / "study.json"
    if not known.exists():
        return
    theirs = {k: v for k, v in read_json(known).items() if k not in ("latente", "command")}
    changed = store.differences(as_dict(spec), theirs)
    if changed:
        raise StoreError(
            f"{folder}: holds another study ({'; '.join(changed[:3])}); "
            "resume with the arguments it was started with, or choose another --out"
        )


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep a second process from writing the same study; the lock goes with the process, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("w")
    except OSError as error:
        raise cannot_write(folder, error) from error
    with handle:
        try:
            import fcntl
        except ImportError:  # Windows has no fcntl; there the folder is not guarded.
            yield
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreError(
                f"{folder}: another latente is working in it; wait for it, or choose another --out"
            ) from None
        yield
        with contextlib.suppress(OSError):
            (folder / ".lock").unlink()


def _study_from_dict(table: dict[str, Any]) -> StudySpec:
    data = build(DataSpec, table["data"], "data")
    runs = tuple(run_from_dict(run) for run in table["runs"])
    return build(StudySpec, {**table, "data": data, "runs": runs}, "study")
