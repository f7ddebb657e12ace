"""`latente check`: what is wrong with a study without training, or what was found in a finished one or a run."""

from __future__ import annotations

from pathlib import Path

from latente.cli import compiling
from latente.cli.options import AddCommand, Arguments, codes, ignoring, language, seeds, settings, trust, words_of
from latente.errors import DataError, SpecError, StoreError
from latente.terminal import complain, say

PLACE = 13

OF_FILES = ("data", "settings", "seeds", "no_data")
OF_FOLDERS = ("fail_on", "format")


def add(command: AddCommand) -> None:
    """The command's options."""
    check = command(
        "check",
        _check,
        help="say what is wrong with a study, without training; or what was found in a finished one",
        description="Of a study file: every mistake of every model, without training. Of the folder of a finished "
        "study or run: its findings, each with its code, verdict and what to do (docs/findings.md); with --fail-on the "
        "exit code is 1 where one of those is found.",
    )
    check.add_argument(
        "study", metavar="STUDY", help="a TOML file, a shipped study, or a finished study's or run's folder"
    )
    check.add_argument("--data", metavar="SOURCE", help="a name from `latente data list`, or your own file or folder")
    settings(check, "KEY=VALUE", "change the study, as in `latente run` (may be repeated)")
    check.add_argument("--seeds", type=seeds, metavar="N", help="how many seeds, or which (0,3,7)")
    trust(check)
    check.add_argument("--no-data", action="store_true", help="neither read nor download the data; less can be known")
    check.add_argument(
        "--fail-on", type=codes, metavar="CODES",
        help="of a folder: end with exit code 1 where one of these is found, by comma: LT201, LT2xx, or warning (which "
        "means errors, too)",
    )  # fmt: skip
    ignoring(check)
    check.add_argument("--format", choices=("text", "json"), help="of a folder: as lines of text, or of JSON (text)")
    language(check)


def _check(arguments: Arguments) -> int:
    folder = Path(arguments.study).is_dir()
    for name in OF_FILES if folder else OF_FOLDERS:
        if getattr(arguments, name):
            option = {"settings": "--set"}.get(name, f"--{name.replace('_', '-')}")
            what = "a study file" if folder else "the folder of a finished study or run"
            raise SpecError(f"{option}: is for {what}, and {arguments.study} is none")
    return _folder(arguments) if folder else _file(arguments)


def _folder(arguments: Arguments) -> int:
    compiling.prepare()
    from latente.report.told import failing, told_of

    words = words_of(arguments)
    failing((), arguments.fail_on or ())
    told = told_of(Path(arguments.study), words, arguments.ignore)
    failed = failing(told, arguments.fail_on or ())
    if arguments.format == "json":
        for one in told:
            say(one.json())
        return 1 if failed else 0
    for one in told:
        say(one.line(words))
    counts = {"findings": len(told), "found": sum(t.found for t in told)}
    say(words("check.found", **counts))
    if arguments.fail_on:
        asked, which = ", ".join(arguments.fail_on), ", ".join(dict.fromkeys(t.code for t in failed))
        say(words("check.failed", asked=asked, codes=which) if failed else words("check.passed", asked=asked))
    return 1 if failed else 0


def _file(arguments: Arguments) -> int:
    compiling.prepare()
    from latente.data.load import load_spec
    from latente.evaluation.run import with_parent
    from latente.evaluation.scores import scores
    from latente.language.translated import in_language
    from latente.plain import one_line
    from latente.report.conclusions import ignored
    from latente.studies.search import check_installed
    from latente.studies.search_space import base_of, check_search, space_of
    from latente.studies.study_file import read_study
    from latente.studies.tracking import make_trackers
    from latente.training.check import check, check_parts

    words = words_of(arguments)
    spec = read_study(
        arguments.study, data=arguments.data, settings=arguments.settings, seeds=arguments.seeds, trust=arguments.trust
    )
    for score in spec.scores:
        scores.make(score)
    make_trackers(spec.track)
    ignored([*spec.ignore, *arguments.ignore])
    counts = {"models": len(spec.runs), "runs": len(spec.expanded())}
    say(words("check.study", title=one_line(words.title(spec.title)), **counts))
    data = None if arguments.no_data else load_spec(spec.data)
    if data is not None:
        shape = "×".join(map(str, data.shape))
        parts = {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)}
        say(words("check.data", name=one_line(data.name), shape=shape, **parts))
    wrong, steps = 0, 0
    for run in spec.runs:
        try:
            if data is None:
                check_parts(run)
            else:
                check(run, data)
                with_parent(run, data)
                steps += run.train.steps(len(data.train)) * run.train.epochs_for(len(data.train)) * len(spec.seeds)
        except (SpecError, DataError, StoreError) as error:
            wrong += 1
            complain(in_language(f'run "{run.name}": {error}', words.language))
    if spec.search is not None:
        check_installed(spec.search.storage)
        base_of(spec)
        space_of(spec.search)
        if data is not None and not wrong:
            check_search(spec, data)
    if wrong:
        raise SpecError(f"{wrong} of {len(spec.runs)} models cannot be trained, see above")
    say(words("check.fine_without_data") if data is None else words("check.fine", steps=steps))
    return 0
