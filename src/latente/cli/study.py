"""`latente run`, `list` and `show`: studies, made and read."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from latente.cli import compiling
from latente.cli.options import (
    AddCommand,
    Arguments,
    ignoring,
    language,
    names_of,
    seeds,
    settings,
    start_options,
    trust,
    whole,
    words_of,
)
from latente.errors import StoreError
from latente.plain import one_line
from latente.terminal import complain, say

if TYPE_CHECKING:
    from latente.evaluation.run import Run
    from latente.language.words import Words

PLACE = 10


def add(command: AddCommand) -> None:
    """The commands' options."""
    run = command(
        "run",
        _run,
        help="perform a study: train, evaluate, compare, report",
        description="Perform a study. Its folder holds report.html, results.csv, figures/ and runs/; its path is "
        "the last line printed.",
    )
    run.add_argument(
        "study", nargs="?", metavar="STUDY",
        help="a TOML file, or a shipped study (notebook; with --from that run's own model)",
    )  # fmt: skip
    run.add_argument("--data", metavar="SOURCE", help="a name from `latente data list`, or your own file or folder")
    settings(
        run,
        "KEY=VALUE",
        "change the study: vae.train.epochs=20 for one run, train.epochs=20 for all (may be repeated)",
    )
    run.add_argument("--seeds", type=seeds, metavar="N", help="how many seeds, or which (0,3,7)")
    run.add_argument("--out", metavar="DIR", help="the study's folder (by default a new one in runs/)")
    start_options(run)
    text = "keep the codes of the examples with each run, so that explore needs no data"
    run.add_argument("--keep-codes", action="store_true", help=text)
    run.add_argument(
        "--jobs", type=whole, metavar="N",
        help="how many runs at a time, each in a process of its own (as many as there are processors); 1: one after "
        "the other, each with all processors",
    )  # fmt: skip
    trust(run)
    run.add_argument("--resume", action="store_true", help="go on where an interrupted run with the same --out stopped")
    run.add_argument(
        "--track", action="append", default=[], metavar="NAME",
        help="tell a tracker of the study while it goes on: mlflow, tensorboard, trackio or wandb (may be repeated)",
    )  # fmt: skip
    ignoring(run)
    language(run)
    run.add_argument("--quiet", action="store_true", help="print the study's folder and nothing else")

    listing = command("list", _list, parts=False, help="list shipped studies, and finished ones in a folder")
    listing.add_argument("folder", nargs="?", default="runs", metavar="DIR", help="where to look (runs)")

    show = command("show", _show, help="show a run's or a study's numbers")
    show.add_argument("folder", metavar="RUN", help="a run's folder, a study's, or in it runs/NAME with all its seeds")
    show.add_argument("--data", metavar="SOURCE", help="say whether this is the data of the run or study")


def _run(arguments: Arguments) -> None:
    compiling.set_environment()
    from latente.evaluation.access_log import command
    from latente.studies.workers import WorkerPool, processors

    jobs = processors() if arguments.jobs is None else arguments.jobs
    # The others get ready while this process imports what it needs.
    with WorkerPool(jobs) if jobs > 1 else contextlib.nullcontext(jobs) as workers:
        from latente import program_cache
        from latente.cli.progress import watching
        from latente.studies.study import run_study

        program_cache.install()
        with watching(quiet=arguments.quiet, lang=arguments.lang) as watch:
            study = run_study(
                arguments.study,
                data=arguments.data,
                out=arguments.out,
                settings=arguments.settings,
                seeds=arguments.seeds,
                lang=arguments.lang,
                resume=arguments.resume,
                command=shlex.join(word for word in shlex.split(command()) if word != "--resume"),
                watch=watch,
                jobs=workers,
                track=arguments.track,
                ignore=arguments.ignore,
                trust=arguments.trust,
                start=arguments.start,
                freeze=names_of(arguments.freeze),
                require_all=arguments.require_all,
                keep_codes=arguments.keep_codes,
            )
    if not arguments.quiet:
        from latente.report.conclusions import warnings_of
        from latente.report.tables.results import results_table

        words = words_of(arguments)
        say(results_table(study.runs, words).terminal())
        for warning in warnings_of(study.runs, words):
            say(warning)
        say(words("terminal.report", path=study.report))
    say(str(study.folder))


def _list(arguments: Arguments) -> None:
    from latente.evaluation.folders import STUDY, is_finished, read_study, run_folder
    from latente.evaluation.manifest import changed
    from latente.language.translated import in_language
    from latente.studies.study_file import shipped

    folder, words = Path(arguments.folder), words_of(arguments)
    if not folder.is_dir() and arguments.folder != "runs":
        raise StoreError(f"{folder}: no such folder")
    say(words("terminal.shipped", names=", ".join(shipped())))
    damaged = 0
    for path in sorted(folder.glob(f"*/{STUDY}")) + sorted(folder.glob(STUDY)):
        try:
            spec, _ = read_study(path.parent)
            places = [run_folder(path.parent, run) for run in spec.expanded()]
            # One damaged study does not hide the others.
            wrong = [error for place in (path.parent, *places) for error in changed(place)]
            done = sum(map(is_finished, places))
            whole = (path.parent / "report.html").exists() and done == len(places)
            title = words.title(spec.title)
            state = "finished" if whole else "unfinished"
            say(words(f"terminal.{state}", folder=path.parent, done=done, runs=len(places), title=title))
        except StoreError as error:
            wrong = [error]
            say(words("terminal.damaged", folder=path.parent))
        damaged += bool(wrong)
        if wrong:
            more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            complain(in_language(f"{wrong[0]}{more}", words.language))
    if damaged:
        raise StoreError(f"{damaged} of the studies in {folder} {'is' if damaged == 1 else 'are'} damaged, see above")


def _show(arguments: Arguments) -> None:
    """What there is; of what is damaged, the numbers that can still be read, and then the error."""
    from latente.evaluation.folders import is_study, read_study, run_folder
    from latente.report.tables.results import results_table

    folder, words = Path(arguments.folder), words_of(arguments)
    try:
        runs = (_show_study if is_study(folder) else _show_runs)(folder, arguments.data, words)
    except StoreError:
        with contextlib.suppress(StoreError):
            runs_of = read_study(folder)[0].expanded() if is_study(folder) else ()
            for place in [run_folder(folder, run) for run in runs_of] or [folder]:
                _say_numbers(place)
        raise
    if arguments.data is not None:
        # It was read and found to be: anything else is an error.
        say(words("terminal.is_the_data", source=one_line(arguments.data)))
    say(results_table(runs, words).terminal())


def _show_study(folder: Path, data: str | None, words: Words) -> list[Run]:
    from latente.studies.folder import load_study

    spec, runs, command = load_study(folder, data=data)
    say(one_line(words.title(spec.title)))
    say(words("terminal.data", source=one_line(spec.data.source)))
    say(words("terminal.command", command=one_line(command or words("terminal.python"))))
    return runs


def _show_runs(folder: Path, data: str | None, words: Words) -> list[Run]:
    from latente.evaluation.folders import run_folders
    from latente.evaluation.run import load
    from latente.evaluation.run_data import read_data
    from latente.spec import as_dict

    runs = [load(one) for one in run_folders(folder)]
    run = runs[0]
    if data is not None:
        read_data(run.spec.data, run.card, data)
    if len(runs) > 1:
        say(words("terminal.run_seeds", name=run.spec.name, seeds=", ".join(str(run.spec.seed) for run in runs)))
        return runs
    say(words("terminal.run", name=run.spec.name, seed=run.spec.seed))
    for stage, table in as_dict(run.spec).items():
        if isinstance(table, dict):
            say(f"{stage}: " + one_line(", ".join(f"{k} = {v}" for k, v in table.items())))
    epochs = len(run.history["loss"])
    say(words("terminal.trained", parameters=run.model.parameters(), epochs=epochs, seconds=run.seconds))
    for used in run.plugins:
        say(words("terminal.plugin", plugin=one_line(str(used))))
    for access in run.test_accesses:
        found = one_line(", ".join(access.found))
        say(words("terminal.looked", at=one_line(access.at), by=one_line(access.by), found=found))
    return runs


def _say_numbers(folder: Path) -> None:
    """A run's numbers by spec.json and metrics.json alone, where these are whole."""
    from latente.evaluation.manifest import reading
    from latente.evaluation.run_files import read_metrics, read_spec

    with contextlib.suppress(StoreError):
        spec, metrics = reading(folder, lambda manifest: (read_spec(manifest), read_metrics(manifest)))
        for part, numbers in metrics.items():
            shown = ", ".join(f"{k} = {m.value:.6g} ± {m.standard_error:.2g}" for k, m in numbers.items())
            say(f"{spec.name}, seed {spec.seed}, {part}: {shown}")
