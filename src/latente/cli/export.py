"""`latente export`: a trained model as files for PyTorch, Keras or ONNX."""

from __future__ import annotations

from latente.cli import compiling
from latente.cli.options import AddCommand, Arguments, language, moved_data
from latente.terminal import say

PLACE = 61


def add(command: AddCommand) -> None:
    """The command's options."""
    made = command(
        "export",
        _export,
        help="a model as files for PyTorch, Keras or ONNX, which need no latente",
        description="Write a finished run's model to a new folder. Examples go in and come out in their own units.",
    )
    made.add_argument("folder", metavar="RUN", help="the run's folder")
    made.add_argument("--to", required=True, metavar="TARGET", help="torch, keras or onnx")
    made.add_argument("-o", "--output", required=True, metavar="DIR", help="the folder to write; nothing may be there")
    moved_data(made)
    language(made)


def _export(arguments: Arguments) -> None:
    compiling.prepare()
    from latente.evaluation.run import load
    from latente.export.export_run import export_run

    say(str(export_run(load(arguments.folder, data=arguments.data), arguments.to, arguments.output)))
