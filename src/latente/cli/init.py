"""`latente init`: a study file to edit, or a package of parts of one's own to begin with."""

from __future__ import annotations

import keyword
import re
import shlex
import sys
from importlib.resources import files
from pathlib import Path

from latente.cli.options import AddCommand, Arguments, words_of
from latente.errors import SpecError, StoreError, unknown
from latente.terminal import say

PLACE = 12

PACKAGE = {
    "pyproject.toml": "", "README.md": "", "study.toml": "", "test_parts.py": "tests",
    "__init__.py": "src", "network.py": "src", "waves.py": "src", "radius.py": "src", "figure.py": "src",
    "words.toml": "src",
}  # fmt: skip
"""The files of the package that --plugin writes, each with its folder; "src" is that of the module."""


def add(command: AddCommand) -> None:
    """The command's options."""
    init = command("init", _init, parts=False, help="write a study file to edit, or a package of your own parts")
    init.add_argument("file", nargs="?", metavar="FILE", help="where (study.toml; with --plugin a folder, NAME)")
    init.add_argument("--study", metavar="NAME", help="which shipped study to start from (notebook)")
    init.add_argument(
        "--plugin", metavar="NAME", help="write an installable package with an example of each kind of part"
    )


def _init(arguments: Arguments) -> None:
    from latente.atomic import make_folder, write_text
    from latente.studies import study_file

    words = words_of(arguments)
    if arguments.plugin is not None:
        if arguments.study is not None:
            raise SpecError("init: got --study and --plugin; give one of them")
        folder = write_package(arguments.plugin, Path(arguments.file or arguments.plugin))
        say(words("terminal.package", path=folder, path_quoted=shlex.quote(str(folder))))
        return
    studies, name = study_file.shipped(), arguments.study or study_file.DEFAULT
    if name not in studies:
        raise SpecError(unknown("study", name, studies))
    path = Path(arguments.file or "study.toml")
    if path.exists():
        raise StoreError(f"{path}: exists; nothing is overwritten. Give another name")
    make_folder(path.parent)
    write_text(path, studies[name])
    say(words("terminal.written", path=path, path_quoted=shlex.quote(str(path))))


def write_package(name: str, folder: Path) -> Path:
    """Write a package whose entry point registers parts with latente, with tests and a study of them.

    Args:
        name: the package's; its parts are called NAME-…, and its module is NAME with underscores.
        folder: where; nothing may be there.

    Raises:
        SpecError: a name that no package can have.
        StoreError: the folder exists, or cannot be written.
    """
    from latente._version import __version__
    from latente.atomic import make_folder, write_text

    module = name.replace("-", "_")
    taken = module in sys.stdlib_module_names or keyword.iskeyword(module) or module == "latente"
    if taken:
        raise SpecError(
            f'--plugin: got "{name}", which Python or latente has already; take a name such as latente-waves'
        )
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or len(name) > 60:
        raise SpecError(
            f'--plugin: got "{name}"; allowed: small letters, digits and hyphens between them, such as latente-waves'
        )
    if folder.exists():
        raise StoreError(f"{folder}: exists; nothing is overwritten. Give another name")
    letters = re.sub("[^A-Z]", "", name.upper())[:6]
    fill = {
        "@NAME@": name, "@PACKAGE@": module, "@RULE@": module, "@CLASS@": name.title().replace("-", ""),
        "@CODE@": f"MY{letters}", "@VERSION@": __version__,
    }  # fmt: skip
    for file, place in PACKAGE.items():
        text = files("latente.cli").joinpath("plugin", f"{file}.txt").read_text(encoding="utf-8")
        for mark, value in fill.items():
            text = text.replace(mark, value)
        within = folder / (Path("src") / module if place == "src" else place)
        make_folder(within)
        write_text(within / file, text)
    return folder
