"""Run a study: train, evaluate and compare every run, then write the figures, the tables and the report."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from latente import plugins
from latente._version import __version__
from latente.atomic import FULL, as_json, cannot_write, clear_parts, make_folder, write_text
from latente.data.load import ARRAYS, AnySource, load_spec
from latente.data.notes import Note, log_notes
from latente.data.split import Data
from latente.errors import DataError, LatenteWarning, SpecError, StoreError, unknown
from latente.evaluation import manifest
from latente.evaluation.folders import (
    STUDY,
    is_finished,
    is_study,
    plugins_of_study,
    read_study,
    refuse_links,
    run_folder,
    trained_on,
)
from latente.evaluation.manifest import damage
from latente.evaluation.run import Run, load, with_parent
from latente.evaluation.run_data import AbsentData
from latente.evaluation.scores import scores
from latente.evaluation.spec_file import parts_used
from latente.language.message import Message
from latente.language.words import Words
from latente.spec import Part, RunSpec, StartSpec, StudySpec, as_dict, build, got, is_text, part
from latente.studies.folder import Study, load_study
from latente.studies.machine import facts
from latente.studies.search import as_asked, check_installed, scored, searched
from latente.studies.search_space import check_search
from latente.studies.study_file import DEFAULT, placed
from latente.studies.study_file import read_study as read_study_file
from latente.studies.tracking import asked_for, make_trackers, tracking
from latente.studies.train import perform
from latente.studies.watch import Watch
from latente.studies.workers import WorkerPool
from latente.training import store
from latente.training.check import check

FORMATS = {
    "html": "report.html", "pdf": "report.pdf", "ipynb": "study.ipynb",
    "latex": "models.tex", "markdown": "models.md", "csv": "models.csv",
}  # fmt: skip
"""The forms of a report, and the file of each."""

OF_REPORTS = ("figure", "score figure", "rule")
"""Kinds of parts that are in the report of every study; all others are only where a study asks for them."""


def run_study(
    study: str | Path | StudySpec | None = None,
    *,
    data: str | Path | Data | None = None,
    out: str | Path | None = None,
    settings: Iterable[str] = (),
    seeds: int | Iterable[int] | None = None,
    lang: str | None = None,
    resume: bool = False,
    command: str | None = None,
    watch: Watch | None = None,
    jobs: int | WorkerPool = 1,
    track: Iterable[Part] = (),
    ignore: Iterable[str] = (),
    trust: bool = False,
    start: str | Path | None = None,
    freeze: Iterable[str] = (),
    require_all: bool = False,
    keep_codes: bool = False,
) -> Study:
    """Perform a study and write its folder.

    Args:
        study: a TOML file, the name of a shipped study, or a spec; by default the shipped "notebook", or with ``start``
            that run's own model alone, trained as it was.
        data: instead of the study's: a name, a file, a folder, or what `load_data` returned.
        out: the folder to make; by default a new one in ``runs/``.
        settings, seeds: see `latente.studies.study_file.read_study`.
        lang: the report's language, "en" or "pt"; by default the user's locale.
        resume: go on in ``out`` where an earlier call with the same arguments stopped; only ``data`` may say another
            place, where the same data is now.
        command: how to say in the report what reproduces it.
        watch: what to call while it goes on.
        jobs: how many runs are performed at a time, each in a process of its own with its share of the processors;
            1: one after the other in this process, with all of them. Threads may add up in another order, so that
            ``resume`` promises the same bits for the same ``jobs`` only. Arrays in memory and parts of this process
            alone are unknown to other processes and need 1. A study of one run is performed here.
        track: trackers besides the study's own, by name or as tables (see `latente.studies.trackers`).
        ignore: codes of findings that the report leaves out ("LT201", "LT3xx"), besides those of the study.
        trust: execute the Python files that a study file names in ``[plugins]`` (see `latente.load_plugin`).
        start: the folder of a run, or ``hf://user/name``: every run begins with its weights, as far as they fit by
            shape and meaning (docs/fine-tuning.md).
        freeze: what of them is held fixed, by name, such as ["encoder"].
        require_all: refuse unless all of them fit.
        keep_codes: keep the codes and labels of the examples with each run, so that its map can be explored and drawn
            where the data is not.

    Raises:
        SpecError: a study, setting, language or tracker that means nothing, or a tracker that is not installed.
        DataError: data that cannot be used.
        StoreError: ``out`` exists (without ``resume``), is of another study, or cannot be written.
        TrainingError: a loss stopped being finite; what was trained before is kept.
    """
    watch = watch or Watch()
    words = Words(lang)
    ignore = list(ignore)
    begin, parent = _beginning(start, freeze, require_all)
    if isinstance(study, StudySpec):
        spec = study if begin is None else _all_begin(study, begin)
    else:
        named = data.spec.source if isinstance(data, Data) else data
        own = None if parent is None or study is not None else parent.spec
        if own is not None and own.data.source == ARRAYS and data is None:
            raise SpecError("--from: that run was trained on arrays, which are not kept; say on what to train: --data")
        file = DEFAULT if study is None else study
        laid = partial(read_study_file, file, data=named, settings=settings, seeds=seeds, trust=trust)
        spec = laid(start=own, begin=begin)
    if ignore:
        spec = dataclasses.replace(spec, ignore=tuple(dict.fromkeys([*spec.ignore, *ignore])))
    _check_ignored(spec.ignore)
    if not isinstance(jobs, WorkerPool) and (isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1):
        raise got("jobs", jobs, "a whole number of at least 1")
    if not spec.expanded():
        raise SpecError("runs: got none; allowed: at least one, such as [runs.vae] with a preset in a study file")
    if len(spec.expanded()) == 1 and spec.search is None:
        if isinstance(jobs, WorkerPool):
            jobs.shutdown()
        jobs = 1
    followers = make_trackers(asked_for(spec, tuple(track)))
    # What is kept of a study is what its numbers follow from.
    spec = scored(dataclasses.replace(spec, track=()))
    if resume and out is None:
        raise SpecError(
            "resume: got no out, so that there is nothing to go on with; give the study's folder (--out DIR)"
        )
    if out is not None:
        _check_free(Path(out), resume)
    found = data if isinstance(data, Data) else load_spec(spec.data)
    if jobs != 1 and found.spec.source == ARRAYS:
        raise SpecError("jobs: the runs' processes cannot read arrays that are only in memory; take jobs = 1")
    spec = dataclasses.replace(spec, data=found.spec, keep_codes=spec.keep_codes or keep_codes)
    spec = dataclasses.replace(spec, runs=tuple(map(partial(_with_parent, data=found), spec.runs)))
    for what, text in (("out", str(out)), ("command", command or ""), ("study", as_json(as_dict(spec)))):
        if not is_text(text):
            raise SpecError(f"{what}: got no Unicode text, and it is written to files; rename it: {text!a:.200}")
    if out is not None:
        spec, found = _as_begun(Path(out), spec, found)
        _check_same(Path(out), spec)
    asked = [scores.make(s) for s in spec.scores]
    needed = parts_of_study(spec)
    local = [part for part in needed if plugins.is_local(*part)]
    if jobs != 1 and local:
        kind, name = local[0]
        raise SpecError(
            f'jobs: {kind} "{name}" was registered in this process alone, and other processes do not know it; take '
            "jobs = 1, or put it into a file and call latente.load_plugin(file)"
        )
    used = plugins.used([*needed, *plugins.registered_by_plugins(*OF_REPORTS)])
    if spec.search is not None:
        check_installed(spec.search.storage)
        check_search(spec, found)
    folder = make_folder(Path(out)) if out is not None else _new_folder(spec)
    try:
        with manifest.locked(folder, wait=0):
            # Once more: another may have begun here since.
            _check_free(folder, resume)
            _check_same(folder, spec)
            refuse_links(folder)
            for place in (folder, folder / "figures"):
                # What a kill left behind; runs that are finished see to their own.
                clear_parts(place)
            if not is_study(folder):
                _write_spec(folder, spec, command, used)
            # Those who conclude are the same when a study is gone on with: other threads add up in another order.
            with tracking(followers, spec, found, folder, watch) as tracked, _pool(jobs) as workers:
                of = len(spec.expanded()) if spec.search is None else spec.search.trials
                if spec.search is not None and read_study(folder)[0] != as_asked(read_study(folder)[0]):
                    spec = read_study(folder)[0]
                elif spec.search is not None:
                    in_processes = (
                        None
                        if workers is None
                        else functools.partial(
                            workers.search, of=of, data=found, study=folder, asked=spec.scores, watch=watch
                        )
                    )
                    spec = searched(spec, found, folder, watch, in_processes)
                    _write_spec(folder, spec, command, used)
                if workers is not None:
                    waiting = [run for run in spec.expanded() if not is_finished(run_folder(folder, run))]
                    workers.perform(waiting, of, found, folder, spec.scores, tracked.watch, spec.keep_codes)
                runs = [perform(run, found, folder, asked, tracked.watch, spec.keep_codes) for run in spec.expanded()]
                report = write_study_report(spec, runs, found, folder, words, command, watch, workers)
                tracked.finish(runs)
    except StoreError as error:
        if FULL not in str(error):
            raise
        raise StoreError(f"{error}, with --out {folder} --resume") from None
    return Study(spec, runs, folder, report)


def parts_of_study(spec: StudySpec) -> list[plugins.Key]:
    """The parts of a study by kind and name, each once: of its runs, and its scores."""
    found = [key for run in spec.runs for key in parts_used(run)] + [("score", part(s)[0]) for s in spec.scores]
    return list(dict.fromkeys(found))


def _write_spec(folder: Path, spec: StudySpec, command: str | None, used: Sequence[plugins.Used]) -> None:
    beside = {"plugins": [one.table() for one in used]} if used else {}
    table = {"latente": __version__, "command": command, **as_dict(spec), **beside}
    del table["track"]
    # So that versions that know of neither read it.
    for key in ("search", "ignore"):
        if not table[key]:
            del table[key]
    manifest.write(folder, {STUDY: as_json(table).encode()})


def _beginning(
    start: str | Path | None, freeze: Iterable[str], require_all: bool
) -> tuple[dict[str, Any] | None, Run | None]:
    """What every run's ``start`` says, and the run itself."""
    asked = {**({"freeze": [*freeze]} if freeze else {}), **({"require_all": True} if require_all else {})}
    if start is None:
        return asked or None, None
    return {"run": placed(str(start), Path.cwd()), **asked}, load(start)


def _all_begin(study: StudySpec, begin: dict[str, Any]) -> StudySpec:
    def started(run: RunSpec) -> RunSpec:
        kept = {} if run.start is None else as_dict(run.start)
        return dataclasses.replace(run, start=build(StartSpec, {**kept, **begin}, "start"))

    return dataclasses.replace(study, runs=tuple(map(started, study.runs)))


def _with_parent(run: RunSpec, data: Data) -> RunSpec:
    try:
        check(run, data)
        return with_parent(run, data)
    except (SpecError, DataError) as error:
        raise type(error)(f'run "{run.name}": {error}') from None


def _pool(jobs: int | WorkerPool) -> contextlib.AbstractContextManager[WorkerPool | None]:
    if isinstance(jobs, WorkerPool):
        return contextlib.nullcontext(jobs)
    return contextlib.nullcontext() if jobs == 1 else WorkerPool(jobs)


def report_study(
    folder: str | Path,
    *,
    lang: str | None = None,
    watch: Watch | None = None,
    data: Data | AnySource | None = None,
    format: str = "html",
    ignore: Iterable[str] = (),
) -> Path:
    """Write the figures and the report of a finished study again, perhaps in another language or form.

    The test part is not looked at again: its numbers are those the runs recorded. ``data`` as in `load_study`;
    ``ignore`` as in `run_study`. Where the data is not here, what only it can say is kept from the earlier report,
    which is told.

    Args:
        folder: the study's.
        lang: "en" or "pt"; by default the user's locale.
        watch: what to call while it goes on.
        data: where the data is now.
        format: "html", the page; "pdf", the page printed by an installed Chromium; "ipynb", a notebook whose cells
            train, evaluate and compare the same models; "latex", "markdown" or "csv", one table of the models.

    Returns:
        The file, which lies in the study's folder: `FORMATS` names it.

    Raises:
        SpecError: another format.
        StoreError: as `load_study`; another process is writing to the folder, or a plug-in is not there; no Chromium,
            for a PDF.
        DataError: something else is where the data was; or it is gone, and an older version wrote the earlier report.
    """
    words = Words(lang)
    if format not in FORMATS:
        raise SpecError(unknown("format", format, FORMATS))
    if format not in ("html", "pdf"):
        return _write_without_data(Path(folder), format, words)
    _require_for_report(Path(folder))
    spec, runs, command = load_study(folder, data=data)
    spec = dataclasses.replace(spec, ignore=tuple(dict.fromkeys([*spec.ignore, *ignore])))
    _check_ignored(spec.ignore)
    found = runs[0].known_data
    for run in runs:
        run._data = found
    with manifest.locked(Path(folder), wait=0):
        page = write_study_report(spec, runs, found, Path(folder), words, command, watch or Watch())
        if format == "html":
            return page
        from latente.report.formats.pdf import print_pdf

        return _written(Path(folder), FORMATS["pdf"], print_pdf(page))


def _write_without_data(folder: Path, format: str, words: Words) -> Path:
    """A form of the report for which the runs' numbers are enough."""
    from latente.report.formats import notebook, paper

    spec, runs, _ = load_study(folder)
    if format == "ipynb":
        text = notebook.notebook(spec, words)
    else:
        write = {"latex": paper.latex, "markdown": paper.markdown, "csv": paper.csv}[format]
        text = write(paper.paper_table(runs, words))
    with manifest.locked(folder, wait=0):
        return _written(folder, FORMATS[format], text.encode())


def _written(folder: Path, name: str, content: bytes) -> Path:
    refuse_links(folder)
    manifest.write(folder, {name: content}, own=[STUDY])
    return folder / name


def _require_for_report(folder: Path) -> None:
    """The plug-ins of a study are there; a figure or a sentence that is not is said to be left out."""
    made_with = plugins_of_study(folder)
    plugins.require(plugins.of_kind(made_with, "data set", *OF_REPORTS, others=True), folder)
    for one in plugins.of_kind(made_with, *OF_REPORTS):
        for kind, name in one.parts:
            if not plugins.whose(kind, name):
                warnings.warn(
                    f'{folder}: {kind} "{name}" of {one.plugin} is not there, and is left out of the report',
                    LatenteWarning,
                    stacklevel=3,
                )


def write_study_report(
    spec: StudySpec,
    runs: Sequence[Run],
    data: Data,
    folder: Path,
    words: Words,
    command: str | None,
    watch: Watch,
    workers: WorkerPool | None = None,
) -> Path:
    """Write results.csv, findings.json, the figures and report.html of finished runs.

    One of the ``workers``, where there are some that know the study, finds the conclusions beside the drawing.
    """
    from latente.report.conclusions import conclude, data_in_words, general_in_words, ignored, in_words, record_data
    from latente.report.kept import KEPT, as_table, read_kept, with_kept
    from latente.report.page import is_grey, write_figures, write_report
    from latente.report.search import SEARCH
    from latente.report.tables.results import results_csv

    watch.on_stage(Message("progress.reporting"), None)
    refuse_links(folder)
    begun = [STUDY] if spec.search is None else [STUDY, SEARCH]
    earlier = read_kept(folder) if isinstance(data, AbsentData) else None
    if isinstance(data, AbsentData) and earlier is None:
        raise DataError(str(data.why))
    if earlier is None:
        # Without the data, what is there must not be lost if this is broken off.
        _record(folder, begun)
    write_text(folder / "results.csv", results_csv(runs))
    left_out = ignored(spec.ignore)
    concluding = None if workers is None or earlier is not None else workers.conclude()
    drawn = write_figures(folder, runs, data, words)
    said = ""
    if earlier is not None:
        concluded, grey = earlier.concluded, earlier.grey
        drawn, kept = with_kept(drawn, earlier.figures)
        missing = {"fingerprint": data.fingerprint[:12], "figures": ", ".join(f.file for f in kept) or "–"}
        said = words("report.kept", **missing)
        log_notes([Note("report-kept", missing)])
    else:
        concluded, grey = dict(conclude(runs, folder, left_out) if concluding is None else concluding()), is_grey(data)
        # Not by the worker, for the pictures need what was measured of the data here.
        concluded["data"] = record_data(folder, data)
    with damage(folder / KEPT):
        conclusions, notes = in_words(concluded, words)
        general, of_data = general_in_words(concluded, words), data_in_words(concluded, words, left_out)
    about = facts()
    for one in plugins.used([*parts_of_study(spec), *plugins.registered_by_plugins(*OF_REPORTS)]):
        about["versions"][one.plugin.name] = one.plugin.version or f"SHA-256 {one.plugin.sha256}"
    page = write_report(
        folder, spec, runs, data, [c for c in conclusions if c.code not in left_out], words, command or "", about,
        notes=notes, drawn=drawn, general=general, ignore=left_out, beside=concluded["baselines"],
        of_data=of_data, grey=grey, earlier=said,
    )  # fmt: skip
    write_text(folder / KEPT, as_json(as_table(concluded, grey, drawn)))
    written = ["results.csv", "findings.json", "report.html", KEPT, *(f"figures/{picture.file}" for picture in drawn)]
    _record(folder, [*begun, *written])
    return page


def _check_ignored(patterns: Sequence[str]) -> None:
    if patterns:
        from latente.report.conclusions import ignored

        ignored(patterns)


def _record(folder: Path, names: Iterable[str]) -> None:
    if not is_study(folder):
        raise StoreError(f"{folder}: was removed, or what was in it, while latente was working in it; start it again")
    manifest.record(folder, names)


def _new_folder(spec: StudySpec) -> Path:
    """A folder that nobody had: made here, so that of several who want one at once each has its own."""
    named = f"{Path(spec.data.source).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    parent = make_folder(Path("runs"))
    folder, number = parent / named, 2
    while True:
        try:
            folder.mkdir()
        except FileExistsError:
            folder, number = parent / f"{named}-{number}", number + 1
        except OSError as error:
            raise cannot_write(folder, error) from error
        else:
            return folder


def _check_free(folder: Path, resume: bool) -> None:
    if not folder.exists() or (folder.is_dir() and all(p.name == manifest.LOCK for p in folder.iterdir())):
        return
    if not folder.is_dir():
        raise StoreError(f"{folder}: is a file; --out takes a folder")
    if not resume:
        raise StoreError(
            f"{folder}: exists and is not empty; nothing is overwritten. Choose another --out, "
            "or go on with an interrupted study with --resume"
        )
    # A study that was killed in its first moments has a lock, a manifest or a part of a file, and nothing else.
    begun = (manifest.LOCK, manifest.MANIFEST)
    if not is_study(folder) and not all(p.name in begun or p.name.endswith(".part") for p in folder.iterdir()):
        raise StoreError(f"{folder}: holds something that is not a study; choose another --out")


def _as_begun(folder: Path, spec: StudySpec, data: Data) -> tuple[StudySpec, Data]:
    """A study that is gone on with and its data, named as when it began where the same data lies elsewhere now."""
    if not is_study(folder):
        return spec, data
    begun = read_study(folder)[0]
    if spec.data == begun.data or dataclasses.replace(spec.data, source=begun.data.source) != begun.data:
        return spec, data
    known = [found for run in begun.expanded() if (found := trained_on(run_folder(folder, run)))]
    if not known or any(fingerprint != data.fingerprint for fingerprint, _ in known):
        return spec, data
    name = next((name for _, name in known if name is not None), Path(begun.data.source).stem)
    runs = tuple(dataclasses.replace(run, data=begun.data) for run in spec.runs)
    return dataclasses.replace(spec, data=begun.data, runs=runs), dataclasses.replace(data, name=name)


def _check_same(folder: Path, spec: StudySpec) -> None:
    if not is_study(folder):
        return
    begun = plugins_of_study(folder)
    plugins.require(plugins.of_kind(begun, *OF_REPORTS, others=True), folder, warn=False)
    for now, then in plugins.differing(plugins.of_kind(begun, *OF_REPORTS, others=True)):
        raise StoreError(
            f"{folder}: was begun with {then}, and here it is {now}; go on with the same, or choose another --out"
        )
    changed = store.differences(as_dict(spec), as_dict(as_asked(read_study(folder)[0])))
    if changed:
        raise StoreError(
            f"{folder}: holds another study ({'; '.join(changed[:3])}); "
            "resume with the arguments it was started with, or choose another --out"
        )
