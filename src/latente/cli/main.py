"""The command line: finds the commands, reads arguments, and turns errors and signals into one line and an exit code.

A command is a module of this package with a function ``add(command)``, found by import, so that a new one is one new
file; its ``PLACE`` says where it stands in the help.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import itertools
import logging
import os
import pkgutil
import shlex
import sys
import warnings
from collections.abc import Iterator
from typing import Any, NoReturn

from latente import stopping
from latente._version import __version__
from latente.cli.options import Arguments, commands, words_of
from latente.errors import LatenteError, LatenteWarning, SpecError, unknown
from latente.evaluation.access_log import as_command
from latente.terminal import any_encoding, complain


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
        The exit code: 0, 1 where `latente check --fail-on` finds what it was asked for, 2 for an error of the user's
        or the machine's, 130 for Ctrl-C, 143 for SIGTERM.
    """
    own = argv is None
    argv = sys.argv[1:] if argv is None else argv
    if own:
        stopping.listen(lambda code: f"latente: {_translated(_interrupted(argv), argv)}")
    code = _perform(argv)
    if own and stopping.exit_code():
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        stopping.end(stopping.exit_code())
    return code


def _perform(argv: list[str]) -> int:
    def fail(message: str, code: int = 2) -> int:
        complain(_translated(message, argv))
        return code

    try:
        any_encoding()
        arguments = _arguments(argv)
        with as_command(shlex.join(["latente", *argv])), _notes_and_warnings(arguments):
            _load_plugins(arguments)
            return int(arguments.do(arguments) or 0)
    except LatenteError as error:
        return fail(str(error))
    except KeyboardInterrupt:
        return fail(_interrupted(argv), stopping.exit_code() or 130)
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


def _load_plugins(arguments: Arguments) -> None:
    """Execute the files that the command line names."""
    named = getattr(arguments, "plugins", [])
    if named:
        from latente.cli.compiling import set_environment
        from latente.plugins import load_plugin

        # They may import JAX.
        set_environment()
        for file in named:
            load_plugin(file)


@contextlib.contextmanager
def _notes_and_warnings(arguments: Arguments) -> Iterator[None]:
    """What readers of data decided, unless asked to be quiet, and warnings: each once on standard error."""
    from latente.data.notes import LOG, Note
    from latente.language.message import phrase
    from latente.language.translated import in_language

    shown: set[str] = set()
    as_python = warnings.showwarning

    def say_once(text: str) -> None:
        if text not in shown:
            shown.add(text)
            complain(text)

    def warned(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if not issubclass(category, LatenteWarning):
            as_python(message, category, *place, **more)
            return
        text = message.args[0] if isinstance(message, Warning) and message.args else str(message)
        words = words_of(arguments)
        say_once(in_language(phrase(text, words), words.language))

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            quiet = getattr(arguments, "quiet", False) and record.levelno < logging.ERROR
            if isinstance(record.msg, Note) and not quiet:
                say_once(phrase(record.msg.message, words_of(arguments)))

    handler = Handler()
    LOG.addHandler(handler)
    warnings.showwarning = warned
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        warnings.showwarning = as_python


def _interrupted(argv: list[str]) -> str:
    resumable = argv[:1] == ["run"] and any(a.startswith("--out") for a in argv)
    return "interrupted" + ("; go on with the same command and --resume" if resumable else "")


def _translated(message: str, argv: list[str]) -> str:
    """A message in the language that the command line asks for, or the locale's."""
    from latente.language.translated import in_language

    return in_language(message, _language_of(argv))


def _language_of(argv: list[str]) -> str:
    """What ``--lang`` says, which is looked for by hand: the words around it may mean nothing."""
    from latente.language.words import LANGUAGES, default_language

    given = [word.partition("=")[2] for word in argv if word.startswith("--lang=")]
    given += [after for word, after in itertools.pairwise(argv) if word == "--lang"]
    return next((word for word in given if word in LANGUAGES), default_language())


def _arguments(argv: list[str]) -> Arguments:
    """What the words of a command line mean.

    Raises:
        SpecError: one of them means nothing, with the nearest that does.
    """
    parser = command_parser()
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


def command_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line, in English."""
    from latente import cli

    parser = _Parser(
        prog="latente",
        description="Train, compare, trust and explore autoencoders: from data to a written study.",
        epilog="Start with: latente run",
    )
    parser.add_argument("--version", action="version", version=f"latente {__version__}")
    command = commands(parser)
    found = [importlib.import_module(f"{cli.__name__}.{m.name}") for m in pkgutil.iter_modules(cli.__path__)]
    for module in sorted((m for m in found if hasattr(m, "add")), key=lambda m: int(m.PLACE)):
        module.add(command)
    return parser
