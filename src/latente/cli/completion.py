"""`latente completion`: what makes a shell complete latente's commands, options and their values."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from latente.cli.options import AddCommand, Arguments, language, words_of
from latente.terminal import say

PLACE = 84

SHELLS = ("bash", "zsh", "fish")


def add(command: AddCommand) -> None:
    """The command's options."""
    completion = command(
        "completion", _completion, parts=False, help="print what completes latente's commands and options in a shell"
    )
    completion.add_argument("shell", choices=SHELLS, help="of which shell")
    language(completion)


def _completion(arguments: Arguments) -> None:
    from latente.cli.main import command_parser
    from latente.language.translated import translate_help

    parser = command_parser()
    translate_help(parser, words_of(arguments).language)
    say(script(parser, arguments.shell).rstrip())


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """What a shell reads to complete a program's command line.

    Args:
        parser: the program's.
        shell: one of `SHELLS`.
    """
    places = list(_places(parser, ()))
    if shell == "fish":
        return _fish(parser.prog, places)
    # zsh has bash's functions of completion where it is asked for them.
    zsh = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"
    return (zsh if shell == "zsh" else "") + _bash(parser.prog, places)


@dataclass(frozen=True)
class _Option:
    """An option: its names, whether a value follows, the words that may be it, whether a file may be, its help."""

    names: list[str]
    takes: bool
    words: list[str]
    files: bool
    text: str


@dataclass(frozen=True)
class _Place:
    """A command and what may follow it.

    Attributes:
        path: its words, none for the program itself.
        commands: the words that lead further, with their help.
        options: what it takes.
        values: words that its positional arguments may be.
        files: whether they may be files, too.
    """

    path: tuple[str, ...]
    commands: dict[str, str]
    options: list[_Option]
    values: list[str]
    files: bool


def _places(parser: argparse.ArgumentParser, path: tuple[str, ...]) -> Iterator[_Place]:
    commands: dict[str, str] = {}
    further: dict[str, argparse.ArgumentParser] = {}
    options: list[_Option] = []
    values: list[str] = []
    files = False
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            further = dict(action.choices)
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            commands = {name: helps.get(name, "") for name in further}
        elif action.option_strings:
            takes = action.nargs != 0
            words = [str(choice) for choice in action.choices or _names(action)] if takes else []
            files_too = takes and action.choices is None
            options.append(_Option(list(action.option_strings), takes, words, files_too, action.help or ""))
        else:
            values += [str(choice) for choice in action.choices or _names(action)]
            files |= action.choices is None
    yield _Place(path, commands, options, values, files)
    for name, one in further.items():
        yield from _places(one, (*path, name))


def _names(action: argparse.Action) -> list[str]:
    """The names that an argument may be beside a file, by what it is called in the help."""
    if action.metavar == "STUDY" or action.dest == "study":
        from latente.studies.study_file import shipped

        return list(shipped())
    if action.metavar == "SOURCE":
        from latente.data.datasets import DATA_SETS

        return sorted(DATA_SETS)
    return []


def _bash(program: str, places: list[_Place]) -> str:
    quoted = " | ".join(f'"{" ".join(place.path)}"' for place in places if place.path)
    lines = [
        f"_{program}() {{",
        '    local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" at="" next words="" files="" i',
        '    if [ "$cur" = "=" ]; then cur=""; elif [ "$prev" = "=" ]; then prev="${COMP_WORDS[COMP_CWORD-2]}"; fi',
        "    for ((i = 1; i < COMP_CWORD; i++)); do",
        '        next="${at:+$at }${COMP_WORDS[i]}"',
        f'        case "$next" in {quoted}) at="$next" ;; esac',
        "    done",
        '    case "$at:$prev" in',
    ]
    for place in places:
        at = " ".join(place.path)
        for option in place.options:
            if option.takes:
                pattern = " | ".join(f'"{at}:{name}"' for name in option.names)
                lines.append(
                    f"        {pattern}) words={shlex.quote(' '.join(option.words))} files={_flag(option.files)} ;;"
                )
    lines += ["        *)", '            case "$at" in']
    for place in places:
        words = [*place.commands, *place.values]
        names = [name for option in place.options for name in option.names]
        lines.append(
            f'                "{" ".join(place.path)}") words={shlex.quote(" ".join(words))} '
            f"files={_flag(place.files)}\n"
            f'                    case "$cur" in -*) words={shlex.quote(" ".join(names))} files="" ;; esac ;;'
        )
    lines += [
        "            esac ;;",
        "    esac",
        '    COMPREPLY=($(compgen -W "$words" -- "$cur"))',
        '    if [ -n "$files" ]; then COMPREPLY+=($(compgen -f -- "$cur")); fi',
        "}",
        f"complete -o filenames -F _{program} {program}",
    ]
    return "\n".join(lines) + "\n"


def _fish(program: str, places: list[_Place]) -> str:
    lines = [f"complete -c {program} -f"]
    for place in places:
        seen = [f"__fish_seen_subcommand_from {word}" for word in place.path]
        not_yet = [f"not __fish_seen_subcommand_from {' '.join(place.commands)}"] if place.commands else []
        where = shlex.quote("; and ".join([*seen, *not_yet]) or "true")
        start = f"complete -c {program} -n {where}"
        lines += [f"{start} -a {name} -d {shlex.quote(text)}" for name, text in place.commands.items()]
        if place.values:
            lines.append(f"{start} -a {shlex.quote(' '.join(place.values))}")
        if place.files:
            lines.append(f"{start} -F")
        for option in place.options:
            flags = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
            words = f" -a {shlex.quote(' '.join(option.words))}" if option.words else ""
            value = f" -r{' -F' * option.files}{words}" if option.takes else ""
            lines.append(f"{start} {flags}{value} -d {shlex.quote(option.text)}")
    return "\n".join(lines) + "\n"


def _flag(yes: bool) -> str:
    return "1" if yes else '""'
