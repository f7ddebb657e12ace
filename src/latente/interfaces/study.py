"""Run a study: train, evaluate and compare every run, then write the figures, the tables and the report."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from latente._version import __version__
from latente.atomic import cannot_write, clear_parts, read_json, write_json, write_text
from latente.data.load import load_spec
from latente.data.split import PARTS, Data
from latente.errors import SpecError, StoreError
from latente.evaluation.run import Run, load, train_run
from latente.evaluation.scores import Score, scores
from latente.interfaces.studyfile import DEFAULT, read_study
from latente.interfaces.words import Words, default_language
from latente.spec import DataSpec, RunSpec, StudySpec, as_dict, build, run_from_dict
from latente.training import store
from latente.training.fit import OnEpoch, check, compile_only


@dataclass
class Study:
    """A finished study: its spec, runs and folder."""

    spec: StudySpec
    runs: list[Run]
    folder: Path
    report: Path | None = None


Wait = Callable[[RunSpec], object]


@dataclass(frozen=True)
class Watch:
    """What to call while a study goes on; by default nothing."""

    on_epoch: OnEpoch | None = None
    on_stage: Callable[[str], object] = field(default=lambda text: None)


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
    folder = Path(out) if out is not None else _new_folder(spec)
    _check_free(folder, resume)
    found = data if isinstance(data, Data) else load_spec(spec.data)
    spec = dataclasses.replace(spec, data=found.spec)
    _check_same(folder, spec)
    asked = [scores.make(s) for s in spec.scores]
    for run in spec.expanded():
        check(run, found)
    with _locked(folder):
        clear_parts(folder)
        if not (folder / "study.json").exists():
            write_json(folder / "study.json", {"latente": __version__, "command": command, **as_dict(spec)})
        with _compiling_ahead(spec.expanded(), found, folder) as wait:
            runs = [_one(run, found, folder, watch, asked, wait) for run in spec.expanded()]
        report = write_study_report(spec, runs, found, folder, words, command, watch)
    return Study(spec, runs, folder, report)


def load_study(folder: str | Path) -> tuple[StudySpec, list[Run], str | None]:
    """A study's spec, its finished runs and the command that made it, from its folder.

    Raises:
        StoreError: not a study folder, damaged, or without a finished run.
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
    missing = [r.name for r in spec.expanded() if not _finished(run_folder(folder, r))]
    if missing:
        raise StoreError(
            f"{folder}: {len(missing)} of {len(spec.expanded())} runs are not finished ({', '.join(missing[:4])}); "
            f"finish it with the same latente run … --out {folder} --resume"
        )
    return spec, [load(run_folder(folder, r)) for r in spec.expanded()], command


def report_study(folder: str | Path, *, lang: str | None = None, watch: Watch | None = None) -> Path:
    """Write the figures and the report of a finished study again, perhaps in another language.

    The test part is not looked at again: its numbers are those the runs recorded.

    Raises:
        StoreError: as `load_study`. DataError: the data is gone or has changed.
    """
    words = Words(lang or default_language())
    spec, runs, command = load_study(folder)
    data = runs[0].data
    for run in runs:
        run._data = data
    return write_study_report(spec, runs, data, Path(folder), words, command, watch or Watch())


def write_study_report(
    spec: StudySpec,
    runs: Sequence[Run],
    data: Data,
    folder: Path,
    words: Words,
    command: str | None,
    watch: Watch,
) -> Path:
    """Write results.csv, findings.json, the figures and report.html of finished runs."""
    from latente.evaluation.findings.evidence import gather
    from latente.evaluation.findings.notebook import find
    from latente.interfaces.conclusions import as_table, notes, render
    from latente.interfaces.report import results_csv, write_report

    watch.on_stage("comparing the runs")
    write_text(folder / "results.csv", results_csv(runs))
    evidence = gather(runs)
    findings = find(evidence)
    write_json(folder / "findings.json", as_table(findings))
    watch.on_stage("drawing the figures and writing the report")
    conclusions = [render(f, words) for f in findings]
    about = notes(evidence, words)
    return write_report(folder, spec, list(runs), data, conclusions, words, command or "", facts(), notes=about)


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


def run_folder(study: Path, run: RunSpec) -> Path:
    """Where a study keeps a run."""
    return study / "runs" / run.name / f"seed-{run.seed}"


def _one(spec: RunSpec, data: Data, study: Path, watch: Watch, asked: Sequence[Score], wait: Wait) -> Run:
    folder = run_folder(study, spec)
    checkpoint = folder / "checkpoint.safetensors"
    if _finished(folder):
        run = load(folder, data=data)
        changed = store.differences(as_dict(spec), as_dict(run.spec))
        if changed:
            raise StoreError(f"{folder}: holds a run of another spec ({'; '.join(changed[:3])}); choose another --out")
    else:
        watch.on_stage(f"training {spec.name}" + (f", seed {spec.seed}" if spec.seed else ""))
        wait(spec)
        run = train_run(spec, data, checkpoint=checkpoint, on_epoch=watch.on_epoch)
        watch.on_stage(f"evaluating {spec.name}")
        for part in PARTS:
            run.evaluate(part)
        for score in asked:
            watch.on_stage(f"scoring {spec.name}: {score.key()}")
            run.score(score)
        run.write(folder)
    with contextlib.suppress(OSError):
        checkpoint.unlink(missing_ok=True)
    return run


@contextlib.contextmanager
def _compiling_ahead(runs: Sequence[RunSpec], data: Data, study: Path) -> Iterator[Wait]:
    """While one run trains, compile the next ones: the programs are found again through the cache on disk.

    Gives a function that waits until a run's program is no longer being compiled.
    """
    import jax

    if not jax.config.values["jax_compilation_cache_dir"]:
        yield lambda run: None
        return
    waiting = [r for r in runs if not _finished(run_folder(study, r))]
    with ThreadPoolExecutor(1) as beside:
        ahead = {(r.name, r.seed): beside.submit(compile_only, r, data) for r in _one_a_model(waiting)[1:]}

        def wait(run: RunSpec) -> None:
            future = ahead.get((run.name, run.seed))
            if future is not None and not future.cancel():
                # What is wrong with a run shows where it is trained.
                future.exception()

        try:
            yield wait
        finally:
            beside.shutdown(wait=False, cancel_futures=True)


def _one_a_model(runs: Sequence[RunSpec]) -> list[RunSpec]:
    """Seeds share a program."""
    found: dict[str, RunSpec] = {}
    for run in runs:
        found.setdefault(run.name, run)
    return list(found.values())


def _finished(folder: Path) -> bool:
    return (folder / "metrics.json").is_file()


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
