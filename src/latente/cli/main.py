"""The command line. Thin: it reads arguments, calls the other interfaces, and turns errors into one line."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import logging
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from latente import stopping
from latente._version import __version__
from latente.errors import LatenteError, SpecError, unknown
from latente.evaluation.access_log import looking
from latente.plain import one_line, visible
from latente.terminal import any_encoding

if TYPE_CHECKING:
    from latente.language.words import Words

Arguments = argparse.Namespace


class _Parser(argparse.ArgumentParser):
    """argparse with one-line errors that name the nearest allowed word."""

    def error(self, message: str) -> NoReturn:
        raise SpecError(f"{message} (see {self.prog} --help)")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            name = "command" if isinstance(action, argparse._SubParsersAction) else (action.option_strings or ["?"])[0]
            raise SpecError(unknown(name, value, [str(c) for c in action.choices]))


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments; by default this process's own, which is then latente's: signals are obeyed at a safe moment
            (`latente.stopping`). Otherwise Ctrl-C is the caller's KeyboardInterrupt, turned into an exit code too.

    Returns:
        The exit code: 0, 2 for an error of the user's or the machine's, 130 for Ctrl-C, 143 for SIGTERM.
    """
    own = argv is None
    argv = sys.argv[1:] if argv is None else argv
    if own:
        stopping.listen(lambda code: f"latente: {_told(_interrupted(argv), argv)}")
    code = _perform(argv)
    if own and stopping.asked():
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        stopping.end(stopping.asked())
    return code


def _perform(argv: list[str]) -> int:
    def fail(message: str, code: int = 2) -> int:
        _complain(message, argv)
        return code

    try:
        any_encoding()
        arguments = _arguments(argv)
        with looking(shlex.join(["latente", *argv])), _notes_said(arguments):
            return int(arguments.do(arguments, argv) or 0)
    except LatenteError as error:
        return fail(str(error))
    except KeyboardInterrupt:
        return fail(_interrupted(argv), stopping.asked() or 130)
    except BrokenPipeError:
        # The reader of our output went away (as head does); say nothing more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        # Of the system: a name that is too long, a disk that fails.
        return fail(f"{str(error.filename or 'a file')[:200]}: {error.strerror or error}")
    except MemoryError:
        return fail("out of memory; give smaller data, a smaller batch_size or smaller hidden widths")
    except Exception as error:
        if os.environ.get("LATENTE_DEBUG"):
            raise
        text = " ".join(str(error).split())[:300]
        return fail(f"unexpected {type(error).__name__}: {text} (LATENTE_DEBUG=1 shows where; please report it)")


@contextlib.contextmanager
def _notes_said(arguments: Arguments) -> Iterator[None]:
    """What readers of data decided or left aside, each once on standard error, unless asked to be quiet."""
    from latente.data.notes import LOG, Note

    said: set[str] = set()

    class Said(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            from latente.language.words import Words, default_language

            quiet = getattr(arguments, "quiet", False) and record.levelno < logging.ERROR
            if isinstance(record.msg, Note) and not quiet:
                text = Words(getattr(arguments, "lang", None) or default_language()).note(record.msg.table())
                if text not in said:
                    said.add(text)
                    print(f"latente: {one_line(text)}", file=sys.stderr, flush=True)  # noqa: T201

    handler = Said()
    LOG.addHandler(handler)
    try:
        yield
    finally:
        LOG.removeHandler(handler)


def _interrupted(argv: list[str]) -> str:
    resumable = argv[:1] == ["run"] and any(a.startswith("--out") for a in argv)
    return "interrupted" + ("; go on with the same command and --resume" if resumable else "")


def _complain(message: str, argv: list[str]) -> None:
    print(f"latente: {one_line(_told(message, argv))}", file=sys.stderr)  # noqa: T201


def _told(message: str, argv: list[str]) -> str:
    """A message in the language that the command line asks for, or the locale."""
    from latente.language.translated import in_language

    return in_language(message, _language_of(argv))


def _language_of(argv: list[str]) -> str:
    """What ``--lang`` says, which is looked for by hand: the words around it may mean nothing."""
    from latente.language.words import LANGUAGES, default_language

    said = [word.partition("=")[2] for word in argv if word.startswith("--lang=")]
    said += [after for word, after in itertools.pairwise(argv) if word == "--lang"]
    return next((word for word in said if word in LANGUAGES), default_language())


def _say(text: str = "") -> None:
    print(visible(text), flush=True)  # noqa: T201


def _tell(key: str, lang: str | None = None, /, **values: Any) -> None:
    """A sentence of text/*/terminal.toml, in the user's language."""
    _say(_words(lang)(f"terminal.{key}", **values))


def _words(lang: str | None = None) -> Words:
    from latente.language.words import Words, default_language

    return Words(lang or default_language())


def _arguments(argv: list[str]) -> Arguments:
    """What the words of a command line mean.

    Raises:
        SpecError: one of them means nothing, with the nearest that does.
    """
    parser = _parser()
    if {"-h", "--help"} & set(argv) or not [word for word in argv if not word.startswith("-")] or argv == ["data"]:
        from latente.language.translated import translate_help

        translate_help(parser, _language_of(argv))
    arguments, rest = parser.parse_known_args(argv)
    if rest:
        given: argparse.ArgumentParser = arguments.parser
        word = rest[0].partition("=")[0]
        if not word.startswith("-"):
            raise SpecError(f'{given.prog}: got "{word}" too many (see {given.prog} --help)')
        known = [o for o in given._option_string_actions if o.startswith("--")]
        raise SpecError(unknown(f"option of {given.prog}", word, known))
    return arguments


def _commands(parser: argparse.ArgumentParser) -> Callable[..., argparse.ArgumentParser]:
    """What adds commands to a parser, which without one of them prints its help."""

    def helped(arguments: Arguments, argv: list[str]) -> None:
        _say(parser.format_help().rstrip())

    parser.set_defaults(do=helped, parser=parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def add(name: str, **options: Any) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = commands.add_parser(name, **options)
        made.set_defaults(parser=made)
        return made

    return add


def _parser() -> _Parser:
    parser = _Parser(
        prog="latente",
        description="Train, compare, trust and explore autoencoders: from data to a written study.",
        epilog="Start with: latente run",
    )
    parser.add_argument("--version", action="version", version=f"latente {__version__}")
    command = _commands(parser)

    run = command(
        "run",
        help="perform a study: train, evaluate, compare, report",
        description="Perform a study. Its folder holds report.html, results.csv, figures/ and runs/; its path is "
        "the last line printed.",
    )
    run.add_argument("study", nargs="?", default="notebook", metavar="STUDY", help="a TOML file, or a shipped study")
    run.add_argument("--data", metavar="SOURCE", help="a name from `latente data list`, or your own file or folder")
    run.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
        help="change the study: vae.train.epochs=20 for one run, train.epochs=20 for all (may be repeated)",
    )  # fmt: skip
    run.add_argument("--seeds", type=_seeds, metavar="N", help="how many seeds, or which (0,3,7)")
    run.add_argument("--out", metavar="DIR", help="the study's folder (by default a new one in runs/)")
    run.add_argument(
        "--jobs", type=_whole, metavar="N",
        help="how many runs at a time, each in a process of its own (as many as there are processors); 1: one after "
        "the other, each with all processors",
    )  # fmt: skip
    run.add_argument("--resume", action="store_true", help="go on where an interrupted run with the same --out stopped")
    _language(run)
    run.add_argument("--quiet", action="store_true", help="print the study's folder and nothing else")
    run.set_defaults(do=_run)

    init = command("init", help="write a study file to edit")
    init.add_argument("file", nargs="?", default="study.toml", metavar="FILE", help="where (study.toml)")
    init.add_argument("--study", default="notebook", metavar="NAME", help="which shipped study to start from")
    init.set_defaults(do=_init)

    listing = command("list", help="list shipped studies, and finished ones in a folder")
    listing.add_argument("folder", nargs="?", default="runs", metavar="DIR", help="where to look (runs)")
    listing.set_defaults(do=_list)

    show = command("show", help="show a run's or a study's numbers")
    show.add_argument("folder", metavar="RUN", help="a run's folder, a study's, or in it runs/NAME with all its seeds")
    show.add_argument("--data", metavar="SOURCE", help="say whether this is the data of the run or study")
    show.set_defaults(do=_show_what_there_is)

    evaluate = command("evaluate", help="score finished runs, and rank those whose numbers mean the same")
    evaluate.add_argument("folders", nargs="+", metavar="RUN", help="runs' folders")
    evaluate.add_argument(
        "--metrics", "--scores", dest="scores", metavar="NAMES",
        default="nll,mean-mse,linear-probe,active-units", help="which, by comma (%(default)s)",
    )  # fmt: skip
    evaluate.add_argument("--samples", type=_whole, metavar="K", help="codes an example for nll (1000)")
    evaluate.add_argument("--set", action="append", default=[], metavar="NAME.OPTION=VALUE", dest="settings",
                          help="an option of a score: generation.samples=500 (may be repeated)")  # fmt: skip
    evaluate.add_argument(
        "--split", default="test", choices=("train", "validation", "test"), help="on which part (test)"
    )
    _moved(evaluate)
    evaluate.add_argument("--csv", metavar="FILE", help="write the numbers as a table, too")
    evaluate.add_argument("--json", metavar="FILE", help="write the numbers as JSON, too")
    _language(evaluate)
    evaluate.set_defaults(do=_evaluate)

    compared = command(
        "compare",
        help="compare models: paired differences with intervals, budgets, the latent size that is enough",
        description="Compare finished runs, or all runs of studies; seeds of one model are one model. Differences are "
        "paired by example and seed, and corrected for how many there are.",
    )
    compared.add_argument("folders", nargs="+", metavar="RUN", help="runs' folders, or studies'")
    compared.add_argument("--metrics", "--scores", dest="scores", metavar="NAMES",
                          help="by which numbers, by comma (loss, mse and what the runs were scored by)")  # fmt: skip
    compared.add_argument("--samples", type=_whole, metavar="K", help="codes an example for nll (1000)")
    compared.add_argument("--set", action="append", default=[], metavar="NAME.OPTION=VALUE", dest="settings",
                          help="an option of a score: generation.samples=500 (may be repeated)")  # fmt: skip
    compared.add_argument("--split", choices=("train", "validation", "test"),
                          help="on which part (test; with --select validation)")  # fmt: skip
    compared.add_argument("--against", metavar="MODEL", help="compare all others with this one, not with each other")
    compared.add_argument("--select", action="store_true",
                          help="choose the best run on validation; its folder is the last line printed")  # fmt: skip
    compared.add_argument("--share", type=_number, metavar="X",
                          help="a latent size is enough with so much of the gain missing (0.05)")  # fmt: skip
    compared.add_argument(
        "--tolerance", type=_number, metavar="X", help="or with so much missing, in the score's units"
    )
    _moved(compared)
    compared.add_argument("--csv", metavar="FILE", help="write every difference as a table, too")
    compared.add_argument("--json", metavar="FILE", help="write all of it as JSON, too")
    _language(compared)
    compared.set_defaults(do=_compare)

    prior = command("prior", help="fit a prior to a finished run's codes, to sample from any model")
    prior.add_argument("folder", metavar="RUN", help="the run's folder")
    prior.add_argument("kind", metavar="KIND", help="gaussian-mixture, kde, realnvp, maf, …")
    prior.add_argument("--out", required=True, metavar="DIR", help="the new run's folder")
    prior.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="options",
                       help="an option of the kind: components=20 (may be repeated)")  # fmt: skip
    _moved(prior)
    prior.add_argument("--seed", type=_whole, default=0, metavar="N", help="of the codes drawn and of the fit (0)")
    prior.set_defaults(do=_prior)

    report = command("report", help="write a finished study's report again, perhaps in another language")
    report.add_argument("folder", metavar="STUDY_DIR", help="the study's folder")
    _moved(report)
    _language(report)
    report.add_argument("--quiet", action="store_true", help="print the report's path and nothing else")
    report.set_defaults(do=_report)

    explorer = command(
        "explore",
        help="walk in a latent space, in the browser or as one file to send",
        description="Open a page on a run, on two runs to compare, or on a study that may still be training. "
        "Ctrl-C ends it.",
    )
    explorer.add_argument("folder", metavar="RUN", help="a run's folder, or a study's")
    explorer.add_argument("other", nargs="?", metavar="RUN2", help="a second run to compare it with")
    explorer.add_argument("--split", default="validation", metavar="PART", help="train, validation, test or all")
    _moved(explorer)
    explorer.add_argument("--export", metavar="FILE", help="write the page as one file, which needs no server")
    explorer.add_argument("--port", type=_whole, metavar="N", help="where to listen (8765)")
    explorer.add_argument(
        "--host", default="127.0.0.1", metavar="NAME", help="who may reach it (127.0.0.1: this machine only)"
    )
    explorer.add_argument("--no-browser", action="store_true", help="print the address and do not open it")
    _language(explorer)
    explorer.set_defaults(do=_explore)

    data = command("data", help="list and describe data sets")
    kind = _commands(data)
    kind("list", help="the named data sets").set_defaults(do=_data_list)
    card = kind("show", help="the data card of a named data set or of your own")
    card.add_argument("source", metavar="SOURCE")
    card.add_argument("--scale", metavar="HOW", help="of the values: unit, minmax, none, or a number to divide by")
    card.add_argument("--missing", choices=("refuse", "keep"), help="missing values (refuse)")
    card.add_argument("--condition", metavar="NAMES", help="columns to condition on, by comma")
    card.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
                      help="any key of [data] in a study file: shape=[28,28] (may be repeated)")  # fmt: skip
    card.set_defaults(do=_data_show)

    models = command("models", help="list the parts and presets of models, and which go together")
    models.add_argument("name", nargs="?", metavar="NAME", help="tell everything about one part or preset")
    models.add_argument("--markdown", action="store_true", help="the whole list as a page of documentation")
    models.set_defaults(do=_models)

    doctor = command("doctor", help="versions, devices, threads and caches")
    doctor.set_defaults(do=_doctor)
    return parser


def _language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lang", choices=("en", "pt"), help="the language (by default your locale's)")


def _moved(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="SOURCE", help="where the data of the runs is now, if it has moved")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'got "{text}"; allowed: a whole number') from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'got "{text}"; allowed: a number') from None


def _seeds(text: str) -> int | list[int]:
    try:
        return [int(t) for t in text.split(",")] if "," in text else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'got "{text}"; allowed: how many (3), or which (0,3,7)') from None


def _run(arguments: Arguments, argv: list[str]) -> None:
    _set_compiling()
    from latente.studies.workers import crew, processors

    jobs = processors() if arguments.jobs is None else arguments.jobs
    again = [a for a in argv if a != "--resume"]
    # The others get ready while this process imports what it needs.
    with crew(jobs) if jobs > 1 else contextlib.nullcontext(jobs) as workers:
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
                command=shlex.join(["latente", *again]),
                watch=watch,
                jobs=workers,
            )
    if not arguments.quiet:
        from latente.report.conclusions import warnings_of

        _table(study.runs, arguments.lang)
        for warning in warnings_of(study.runs, _words(arguments.lang)):
            _say(warning)
        _tell("report", arguments.lang, path=study.report)
    _say(str(study.folder))


def _init(arguments: Arguments, argv: list[str]) -> None:
    from latente.atomic import make_folder, write_text
    from latente.errors import StoreError
    from latente.studies.study_file import shipped

    studies = shipped()
    if arguments.study not in studies:
        raise SpecError(unknown("study", arguments.study, studies))
    path = Path(arguments.file)
    if path.exists():
        raise StoreError(f"{path}: exists; nothing is overwritten. Give another name")
    make_folder(path.parent)
    write_text(path, studies[arguments.study])
    _tell("written", path=path, path_quoted=shlex.quote(str(path)))


def _list(arguments: Arguments, argv: list[str]) -> None:
    from latente.errors import StoreError
    from latente.evaluation.folders import is_finished, read_study, run_folder
    from latente.evaluation.manifest import changed
    from latente.studies.study_file import shipped

    folder = Path(arguments.folder)
    if not folder.is_dir() and arguments.folder != "runs":
        raise StoreError(f"{folder}: no such folder")
    _tell("shipped", names=", ".join(shipped()))
    damaged = 0
    for path in sorted(folder.glob("*/study.json")) + sorted(folder.glob("study.json")):
        try:
            spec, _ = read_study(path.parent)
            places = [run_folder(path.parent, run) for run in spec.expanded()]
            # One damaged study does not hide the others.
            wrong = [error for place in (path.parent, *places) for error in changed(place)]
            done = sum(map(is_finished, places))
            whole = (path.parent / "report.html").exists() and done == len(places)
            title = _words().title(spec.title)
            state = "finished" if whole else "unfinished"
            _tell(state, folder=path.parent, done=done, runs=len(places), title=title)
        except StoreError as error:
            wrong = [error]
            _tell("damaged", folder=path.parent)
        damaged += bool(wrong)
        if wrong:
            more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            _complain(f"{wrong[0]}{more}", argv)
    if damaged:
        raise StoreError(f"{damaged} of the studies in {folder} {'is' if damaged == 1 else 'are'} damaged, see above")


def _show(arguments: Arguments, argv: list[str]) -> None:
    from latente.evaluation.folders import run_folders
    from latente.evaluation.run import load, read_data
    from latente.spec import as_dict
    from latente.studies.folder import load_study

    folder = Path(arguments.folder)
    if (folder / "study.json").is_file():
        spec, runs, command = load_study(folder, data=arguments.data)
        _say(one_line(_words().title(spec.title)))
        _tell("data", source=one_line(spec.data.source))
        _tell("command", command=one_line(command or _words()("terminal.python")))
        _is_the_data(arguments.data)
        _table(runs, None)
        return
    folders = run_folders(folder)
    if len(folders) > 1:
        runs = [load(one) for one in folders]
        if arguments.data is not None:
            read_data(runs[0].spec.data, runs[0].card, arguments.data)
        _tell("run_seeds", name=runs[0].spec.name, seeds=", ".join(str(run.spec.seed) for run in runs))
        _is_the_data(arguments.data)
        _table(runs, None)
        return
    run = load(folders[0], data=arguments.data)
    _tell("run", name=run.spec.name, seed=run.spec.seed)
    for stage, table in as_dict(run.spec).items():
        if isinstance(table, dict):
            _say(f"{stage}: " + one_line(", ".join(f"{k} = {v}" for k, v in table.items())))
    _tell("trained", parameters=run.model.parameters(), epochs=len(run.history["loss"]), seconds=run.seconds)
    for look in run.looks:
        _tell("looked", at=one_line(look.at), by=one_line(look.by), found=one_line(", ".join(look.found)))
    _is_the_data(arguments.data)
    _table([run], None)


def _is_the_data(source: str | None) -> None:
    """Said after it was read and found to be: anything else is an error."""
    if source is not None:
        _tell("is_the_data", source=one_line(source))


def _show_what_there_is(arguments: Arguments, argv: list[str]) -> None:
    """As `_show`; of what is damaged, the numbers that still can be read, and then the error."""
    from latente.errors import StoreError
    from latente.evaluation.folders import is_study, read_study, run_folder

    try:
        _show(arguments, argv)
    except StoreError:
        folder = Path(arguments.folder)
        with contextlib.suppress(StoreError):
            runs = (
                [run_folder(folder, run) for run in read_study(folder)[0].expanded()] if is_study(folder) else [folder]
            )
            for place in runs:
                _say_numbers(place)
        raise


def _say_numbers(folder: Path) -> None:
    """A run's numbers by spec.json and metrics.json alone, where these are whole."""
    from latente.errors import StoreError
    from latente.evaluation.manifest import reading
    from latente.evaluation.run_files import read_metrics, read_spec

    with contextlib.suppress(StoreError):
        spec, metrics = reading(folder, lambda manifest: (read_spec(manifest), read_metrics(manifest)))
        for part, numbers in metrics.items():
            said = ", ".join(f"{k} = {m.value:.6g} ± {m.standard_error:.2g}" for k, m in numbers.items())
            _say(f"{spec.name}, seed {spec.seed}, {part}: {said}")


def _report(arguments: Arguments, argv: list[str]) -> None:
    _compiling()
    from latente.cli.progress import watching
    from latente.studies.study import report_study

    with watching(quiet=arguments.quiet, lang=arguments.lang) as watch:
        path = report_study(arguments.folder, lang=arguments.lang, watch=watch, data=arguments.data)
    _say(str(path))


def _explore(arguments: Arguments, argv: list[str]) -> None:
    _compiling()
    from latente.explorer.launch import open_explorer

    open_explorer(
        *(p for p in (arguments.folder, arguments.other) if p),
        split=arguments.split,
        export=arguments.export,
        port=arguments.port,
        host=arguments.host,
        browser=not arguments.no_browser,
        lang=arguments.lang,
        say=_say,
        data=arguments.data,
    )


def _evaluate(arguments: Arguments, argv: list[str]) -> None:
    _compiling()
    from latente.cli.evaluate import check_files, score_findings, score_runs, score_tables, write_numbers

    check_files(arguments.csv, arguments.json)
    names = [name.strip() for name in arguments.scores.split(",")]
    runs, asked = score_runs(
        arguments.folders, names, arguments.samples, arguments.split, arguments.settings, arguments.data
    )
    for text in score_tables(runs, asked, arguments.split, arguments.lang):
        _say(text)
    for text in score_findings(runs, asked, arguments.split, arguments.lang):
        _say(text)
    write_numbers(runs, asked, arguments.split, as_csv=arguments.csv, as_json=arguments.json)


def _compare(arguments: Arguments, argv: list[str]) -> None:
    _compiling()
    from latente.cli.compare import compare_runs

    for text in compare_runs(
        arguments.folders,
        names=[name.strip() for name in arguments.scores.split(",")] if arguments.scores else None,
        samples=arguments.samples,
        settings=arguments.settings,
        split=arguments.split,
        against=arguments.against,
        select=arguments.select,
        share=arguments.share,
        tolerance=arguments.tolerance,
        as_csv=arguments.csv,
        as_json=arguments.json,
        lang=arguments.lang,
        data=arguments.data,
    ):
        _say(text)


def _prior(arguments: Arguments, argv: list[str]) -> None:
    _compiling()
    from latente.cli.prior import add_prior

    made = add_prior(
        arguments.folder, arguments.kind, arguments.out, arguments.options, seed=arguments.seed, data=arguments.data
    )
    _say(str(made))


def _table(runs: list[Any], lang: str | None) -> None:
    from latente.report.tables.results import results_table

    _say(results_table(runs, _words(lang)))


def _data_list(arguments: Arguments, argv: list[str]) -> None:
    from latente.data.datasets import catalogue
    from latente.terminal import drawn

    words, rows = _words(), []
    for row in catalogue():
        here = words("terminal.yes" if row["cached"] else "terminal.to_download")
        shape = "×".join(map(str, row["shape"]))
        split_off, test = words("terminal.split_off"), row["test_examples"]
        counts = words.number(row["examples"], ",d"), words.number(test, ",d") if test else split_off
        what = words.templates.get(f"dataset.{row['name']}", row["description"])
        rows.append([row["name"], *counts, shape, here, what])
    heads = ("name", "examples", "test", "shape", "here", "what")
    _say(drawn([words(f"terminal.column.{head}") for head in heads], rows))
    _tell("own_data")


def _data_show(arguments: Arguments, argv: list[str]) -> None:
    import json

    from latente.data.columns import column_kinds
    from latente.data.load import load_spec
    from latente.spec import DataSpec, build
    from latente.studies.settings import of_parts, value_of

    table = of_parts([f"data.{setting}" for setting in arguments.settings], ["data"])["data"]
    if arguments.scale is not None:
        table["scale"] = value_of(arguments.scale)
    if arguments.missing is not None:
        table["missing"] = arguments.missing
    if arguments.condition is not None:
        table["condition"] = tuple(name for name in arguments.condition.split(",") if name)
    data = load_spec(build(DataSpec, {**table, "source": arguments.source}, "data"))
    card, words = data.card(), _words()
    if data.spec.scale == "none" and data.features and len(data.shape) == 1:
        card["kinds"] = column_kinds(data)
    if data.notes:
        card["notes"] = [note.table() | {"text": words.note(note.table())} for note in data.notes]
    _say(json.dumps(card, indent=2, ensure_ascii=False))


def _models(arguments: Arguments, argv: list[str]) -> None:
    from latente.cli import models
    from latente.terminal import drawn

    if arguments.markdown:
        _say(models.markdown().rstrip("\n"))
        return
    if arguments.name:
        _say(models.describe(arguments.name))
        return
    for title, found in [("preset", models.preset_rows()), *((k, models.rows(k)) for k in models.HEADINGS)]:
        heads = ("what_it_is", "parts" if title == "preset" else "options", "source")
        _say(drawn([title, *(_words()(f"terminal.column.{head}") for head in heads)], found) + "\n")
    _tell("together")


def _doctor(arguments: Arguments, argv: list[str]) -> None:
    from latente.cli.doctor import examine

    for name, value in examine():
        _say(f"{name:<22} {value}")


def _compiling() -> None:
    """Keep compiled programs on disk, so that a second study does not compile them again; and compile as is right."""
    _set_compiling()
    from latente import program_cache

    program_cache.install()


def _set_compiling() -> None:
    """What JAX reads when it is imported; other processes inherit it."""
    from latente.cli.doctor import compile_cache
    from latente.compiling import flags

    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(compile_cache()))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
    # The user's own come last, and the last one counts.
    os.environ["XLA_FLAGS"] = f"{flags()} {os.environ.get('XLA_FLAGS', '')}".strip()
