"""`latente report`: a finished study's report, written again."""

from __future__ import annotations

from latente.cli import compiling
from latente.cli.options import AddCommand, Arguments, ignoring, language, moved_data
from latente.terminal import say

PLACE = 50


def add(command: AddCommand) -> None:
    """The command's options."""
    report = command(
        "report", _report, help="write a finished study's report again, perhaps in another language or form"
    )
    report.add_argument("folder", metavar="STUDY_DIR", help="the study's folder")
    report.add_argument(
        "--format",
        metavar="FORMAT",
        default="html",
        help="html (the page), pdf (the page, by an installed Chromium), ipynb (the study as a notebook that runs), or "
        "one table of the models for a paper: latex, markdown, csv",
    )
    moved_data(report)
    ignoring(report)
    language(report)
    report.add_argument("--quiet", action="store_true", help="print the report's path and nothing else")


def _report(arguments: Arguments) -> None:
    compiling.prepare()
    from latente.cli.progress import watching
    from latente.studies.study import report_study

    with watching(quiet=arguments.quiet, lang=arguments.lang) as watch:
        path = report_study(
            arguments.folder,
            lang=arguments.lang,
            watch=watch,
            data=arguments.data,
            format=arguments.format,
            ignore=arguments.ignore,
        )
    say(str(path))
