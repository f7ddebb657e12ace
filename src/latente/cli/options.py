"""What commands share: options, types of arguments, how a command is added, and the language it answers in."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from latente.errors import SpecError
from latente.terminal import say

if TYPE_CHECKING:
    from latente.evaluation.scores import Score
    from latente.language.words import Words

T = TypeVar("T")

Arguments = argparse.Namespace

PARTS = ("train", "validation", "test")
"""Of the data; `latente.data.split` has them, too, and imports more than a help needs."""

AddCommand = Callable[..., argparse.ArgumentParser]
"""Takes a command's name, what does it, whether it has use for parts, its ``help`` and ``description``; see `commands`.
"""


def commands(parser: argparse.ArgumentParser) -> AddCommand:
    """What adds commands to a parser, which without one of them prints its help."""

    def print_help(arguments: Arguments) -> None:
        say(parser.format_help().rstrip())

    parser.set_defaults(do=print_help, parser=parser)
    choices = parser.add_subparsers(title="commands", metavar="COMMAND")

    def add(
        name: str, do: Callable[[Arguments], int | None] | None = None, *, parts: bool = True, **texts: Any
    ) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = choices.add_parser(name, **texts)
        made.set_defaults(do=do, parser=made)
        if parts:
            made.add_argument_group("parts of your own").add_argument(
                "--plugin", action="append", default=[], metavar="FILE", dest="plugins",
                help="execute this Python file of yours, for the parts that it registers (may be repeated)",
            )  # fmt: skip
        return made

    return add


def words_of(arguments: Arguments) -> Words:
    """The words of the language that is asked for, or the locale's."""
    from latente.language.words import Words

    return Words(getattr(arguments, "lang", None))


def language(parser: argparse.ArgumentParser) -> None:
    """--lang."""
    parser.add_argument("--lang", choices=("en", "pt"), help="the language (by default your locale's)")


def moved_data(parser: argparse.ArgumentParser) -> None:
    """--data, of runs whose data has moved."""
    parser.add_argument("--data", metavar="SOURCE", help="where the data of the runs is now, if it has moved")


def trust(parser: argparse.ArgumentParser) -> None:
    """--trust."""
    parser.add_argument(
        "--trust", action="store_true", help="execute the Python files that the study file names under [plugins]"
    )


def start_options(parser: argparse.ArgumentParser) -> None:
    """--from, --freeze and --require-all: what training begins with."""
    text = "begin with the weights of this run, as far as they fit (a run's folder, or hf://user/name)"
    parser.add_argument("--from", dest="start", metavar="RUN", help=text)
    text = "hold a part fixed, with --from: encoder, or decoder.layers.0 (may be repeated)"
    parser.add_argument("--freeze", action="append", default=[], metavar="PART", help=text)
    parser.add_argument("--require-all", action="store_true", help="refuse unless all of the weights of --from fit")


def names_of(given: Sequence[str]) -> list[str]:
    """Names from an option that may be repeated, each of which may list several with commas."""
    return [name.strip() for text in given for name in text.split(",") if name.strip()]


def settings(parser: argparse.ArgumentParser, metavar: str, text: str) -> None:
    """--set, which may be given several times."""
    parser.add_argument("--set", action="append", default=[], metavar=metavar, dest="settings", help=text)


def ignoring(parser: argparse.ArgumentParser) -> None:
    """--ignore, of findings."""
    parser.add_argument(
        "--ignore", type=codes, default=[], metavar="CODES",
        help="findings to leave out, by comma: LT201, or LT3xx for a family (docs/findings.md has all)",
    )  # fmt: skip


def codes(text: str) -> list[str]:
    """Codes of findings that stand by comma."""
    return [word.strip() for word in text.split(",") if word.strip()]


def scores(parser: argparse.ArgumentParser, text: str, default: str | None = None) -> None:
    """--metrics, --samples and --set: which scores, and their options; `scores_of` reads them."""
    parser.add_argument("--metrics", "--scores", dest="scores", metavar="NAMES", default=default, help=text)
    parser.add_argument("--samples", type=whole, metavar="K", help="codes an example for nll (1000)")
    settings(parser, "NAME.OPTION=VALUE", "an option of a score: generation.samples=500 (may be repeated)")


def output_files(parser: argparse.ArgumentParser, csv: str, json: str) -> None:
    """--csv and --json."""
    parser.add_argument("--csv", metavar="FILE", help=csv)
    parser.add_argument("--json", metavar="FILE", help=json)


def scores_of(names: str | None, samples: int | None, settings: Sequence[str]) -> list[Score]:
    """The scores that `scores` asks for; none where no name is given.

    Raises:
        SpecError: an unknown score or option; ``samples`` where no score takes it.
    """
    from latente.evaluation.scores import scores as known
    from latente.studies.settings import of_parts

    asked = [name.strip() for name in names.split(",")] if names is not None else []
    options = of_parts(settings, asked)
    if samples is not None:
        if "nll" not in options:
            raise SpecError(
                f"--samples {samples} is the K of nll, which is not asked for (asked: {', '.join(asked) or 'none'}); "
                "add nll to --metrics, or set an option of another score by --set NAME.OPTION=VALUE"
            )
        options["nll"].setdefault("samples", samples)
    return [known.make({"name": name, **options[name]}) for name in asked]


def _reader(read: Callable[[str], T], allowed: str) -> Callable[[str], T]:
    """A type of argument: what ``read`` makes of its text, and in an error what is allowed."""

    def typed(text: str) -> T:
        try:
            return read(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f'got "{text}"; allowed: {allowed}') from None

    return typed


whole = _reader(int, "a whole number")

number = _reader(float, "a number")

seeds = _reader(
    lambda text: [int(t) for t in text.split(",")] if "," in text else int(text), "how many (3), or which (0,3,7)"
)
