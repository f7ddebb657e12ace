"""`latente push`: a run published on the Hugging Face Hub."""

from __future__ import annotations

from latente.cli import compiling
from latente.cli.options import AddCommand, Arguments, language
from latente.terminal import say

PLACE = 62


def add(command: AddCommand) -> None:
    """The command's options."""
    push = command("push", _push, help="publish a run on the Hugging Face Hub, with a model card of its own numbers")
    push.add_argument("folder", metavar="RUN", help="the run's folder")
    push.add_argument("repository", metavar="USER/NAME", help="where on the hub")
    push.add_argument(
        "--license", required=True, metavar="ID", help="the model's: mit, apache-2.0, cc-by-4.0, other, …"
    )
    push.add_argument("--private", action="store_true", help="a new repository is private")
    language(push)


def _push(arguments: Arguments) -> None:
    compiling.prepare()
    from latente.evaluation.hub import check_license, repository
    from latente.evaluation.run import load
    from latente.report.hub import push

    # Said before the work, not after it.
    repository(arguments.repository)
    check_license(arguments.license)
    run = load(arguments.folder)
    say(push(run, arguments.repository, license=arguments.license, private=arguments.private))
