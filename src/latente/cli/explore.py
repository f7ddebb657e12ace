"""`latente explore`: the explorer's page on runs or a study, in the browser or as one file."""

from __future__ import annotations

from latente.cli import compiling
from latente.cli.options import AddCommand, Arguments, language, moved_data, whole
from latente.terminal import say

PLACE = 60


def add(command: AddCommand) -> None:
    """The command's options."""
    explorer = command(
        "explore",
        _explore,
        help="walk in a latent space, in the browser or as one file to send",
        description="Open a page on a run, on two runs to compare, or on a study that may still be training. "
        "Ctrl-C ends it.",
    )
    explorer.add_argument("folder", metavar="RUN", help="a run's folder, or a study's")
    explorer.add_argument("other", nargs="?", metavar="RUN2", help="a second run to compare it with")
    explorer.add_argument("--split", default="validation", metavar="PART", help="train, validation, test or all")
    moved_data(explorer)
    explorer.add_argument(
        "--export",
        metavar="FILE",
        help="write the page as one file, which needs no server; or the points as FILE.parquet or FILE.tsv",
    )
    explorer.add_argument("--port", type=whole, metavar="N", help="where to listen (8765)")
    explorer.add_argument(
        "--host", default="127.0.0.1", metavar="NAME", help="who may reach it (127.0.0.1: this machine only)"
    )
    explorer.add_argument("--no-browser", action="store_true", help="print the address and do not open it")
    language(explorer)


def _explore(arguments: Arguments) -> None:
    compiling.prepare()
    from latente.explorer.launch import open_explorer

    open_explorer(
        *(p for p in (arguments.folder, arguments.other) if p),
        split=arguments.split,
        export=arguments.export,
        port=arguments.port,
        host=arguments.host,
        browser=not arguments.no_browser,
        lang=arguments.lang,
        say=say,
        data=arguments.data,
    )
