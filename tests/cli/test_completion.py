"""Completion: a real bash is asked what it would offer; the other shells get the same words."""

import argparse
import re
import shlex
import shutil
import subprocess

import pytest

from latente.cli.completion import script
from latente.cli.main import command_parser, main
from latente.studies.study_file import shipped

BASH = shutil.which("bash")


@pytest.fixture(scope="module")
def bash():
    return script(command_parser(), "bash")


def offered(text, line, folder):
    """What bash offers for the last word of a line, after the words were split as bash splits them (at "=" too)."""
    words = [w for w in re.split(r"(=)|\s+", line) if w] + ([""] if line.endswith((" ", "=")) else [])
    if line.endswith("="):
        words.pop()
    asked = f"{text}\nCOMP_WORDS=({' '.join(map(shlex.quote, words))})\nCOMP_CWORD={len(words) - 1}\n"
    asked += 'COMPREPLY=()\n_latente\nprintf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run([BASH, "--norc", "-c", asked], capture_output=True, text=True, cwd=folder, check=True)
    assert not done.stderr
    return set(done.stdout.split())


pytestmark = pytest.mark.skipif(BASH is None, reason="there is no bash to ask")


def test_commands_are_offered(bash, tmp_path):
    found = offered(bash, "latente ", tmp_path)
    assert found >= {"run", "check", "schema", "completion", "data", "models", "explore"}
    assert offered(bash, "latente comp", tmp_path) == {"compare", "completion"}
    assert offered(bash, "latente data ", tmp_path) == {"list", "show", "check"}


def test_options_are_those_of_the_command(bash, tmp_path):
    found = offered(bash, "latente run --", tmp_path)
    assert found >= {"--help", "--data", "--set", "--seeds", "--out", "--jobs", "--resume", "--lang", "--quiet"}
    assert "--markdown" not in found
    assert "--markdown" in offered(bash, "latente models --m", tmp_path)
    assert "--missing" in offered(bash, "latente data show x.csv --mi", tmp_path)
    # A word of a command that is none there.
    assert "--list" not in offered(bash, "latente run data list --", tmp_path)


def test_values_are_offered(bash, tmp_path):
    (tmp_path / "mine.toml").touch()
    assert offered(bash, "latente run --lang ", tmp_path) == {"en", "pt"}
    assert offered(bash, "latente run --lang=p", tmp_path) == {"pt"}
    assert offered(bash, "latente run --lang=", tmp_path) == {"en", "pt"}
    assert offered(bash, "latente completion ", tmp_path) == {"bash", "zsh", "fish"}
    assert offered(bash, "latente data show x --missing k", tmp_path) == {"keep"}
    assert offered(bash, "latente run ", tmp_path) == {*shipped(), "mine.toml"}
    assert offered(bash, "latente check mi", tmp_path) == {"mine.toml"}
    assert offered(bash, "latente run --data mnist-", tmp_path) >= {"mnist-5k"}
    assert offered(bash, "latente run --out m", tmp_path) == {"mine.toml"}


def test_every_option_and_command_is_in_every_script():
    parser = command_parser()
    choices = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    options = {o for one in choices.values() for a in one._actions for o in a.option_strings}
    for shell in ("bash", "zsh", "fish"):
        text = script(parser, shell)
        assert all(re.search(rf"\b{name}\b", text) for name in choices)
        for option in options:
            bare = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            assert (bare if shell == "fish" else option) in text
    # What a shell would read is one word, whatever is in a help.
    for line in script(parser, "fish").splitlines():
        assert shlex.split(line)[:3] == ["complete", "-c", "latente"]


def test_the_command_prints_what_bash_reads(capsys):
    assert main(["completion", "bash"]) == 0
    text = capsys.readouterr().out
    subprocess.run([BASH, "-n"], input=text, text=True, check=True)
    assert main(["completion", "fish", "--lang", "pt"]) == 0
    assert "estudo" in capsys.readouterr().out
    assert main(["completion", "tcsh"]) == 2
    assert "bash, zsh, fish" in capsys.readouterr().err
