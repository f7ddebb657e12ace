"""Every error has a Portuguese sentence: the templates are read from the code itself."""

import argparse
import ast
import string
import tomllib
from pathlib import Path

import pytest

import latente
from latente.cli.main import command_parser, main
from latente.language.translated import in_language, translate_help

SOURCE = Path(latente.__file__).parent
RAISED = {"LatenteError", "SpecError", "DataError", "StoreError", "TrainingError", "DownloadError"}


def template(node):
    """The template of a text in the code, its fields numbered; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.replace("{", "{{").replace("}", "}}")
    if isinstance(node, ast.JoinedStr):
        made, number = "", 0
        for value in node.values:
            if isinstance(value, ast.Constant):
                made += value.value.replace("{", "{{").replace("}", "}}")
            else:
                made += f"{{{number}}}"
                number += 1
        return made
    return None


def errors():
    """Every template that an error is made of, by the place where it stands."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            said = node.args[2] if name == "got" and len(node.args) > 2 else node.args[0]
            if name in RAISED | {"got"} and (text := template(said)) is not None:
                found.setdefault(text, f"{path.relative_to(SOURCE)}:{node.lineno}")
    # An error that only hands another on has no words of its own.
    return {text: place for text, place in found.items() if any(c.isalpha() for c in plain(text))}


def plain(text):
    return "".join(part for part, *_ in string.Formatter().parse(text))


def pairs():
    text = SOURCE.joinpath("language", "sentences.pt.toml").read_text(encoding="utf-8")
    return [(pair["en"], pair["pt"]) for pair in tomllib.loads(text)["sentence"]]


@pytest.mark.slow
def test_every_error_of_the_code_has_a_translation():
    known = {en for en, _ in pairs()}
    assert {text: place for text, place in errors().items() if text not in known} == {}


def test_translations_keep_every_field_and_are_not_english():
    for en, pt in pairs():
        fields = [sorted(f for _, f, _, _ in string.Formatter().parse(t) if f is not None) for t in (en, pt)]
        assert fields[0] == fields[1], en
    assert len({en for en, _ in pairs()}) == len(pairs())


def helps(parser):
    """Every text of a parser's help, and of its commands'."""
    yield from (text for text in (parser.description, parser.epilog) if text)
    yield from (group.title for group in parser._action_groups if group.title)
    for action in parser._actions:
        yield from (a.help for a in (action, *getattr(action, "_choices_actions", ())) if a.help and "==" not in a.help)
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from helps(command)


def test_help_is_portuguese():
    english, portuguese = command_parser(), command_parser()
    translate_help(portuguese, "pt")
    both = list(zip(helps(english), helps(portuguese), strict=True))
    assert len(both) > 100 and [en for en, pt in both if en == pt] == ["gaussian-mixture, kde, realnvp, maf, …"]
    assert portuguese.format_help().startswith("uso: latente")


def test_a_command_errs_in_the_language_it_is_asked_for(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("LC_ALL", "C")
    assert main(["run", "--set", "vae.train.epochs=x", "--lang", "pt"]) == 2
    assert "runs.vae.train.epochs: recebido 'x'; permitido: um número inteiro" in capsys.readouterr().err
    assert main(["show", str(tmp_path / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    assert main(["show", str(tmp_path / "none")]) == 2
    assert "a pasta não existe" in capsys.readouterr().err


@pytest.mark.slow
def test_every_sentence_comes_out_as_its_own_translation():
    """Filled with words of no meaning, so that a pattern which takes another's sentences is seen."""
    other = {}
    for en, pt in pairs():
        words = [f"Q{i}q" for i in range(en.count("{"))]
        found = in_language(en.format(*words), "pt")
        if found != pt.format(*words):
            other[en] = found
    assert other == {}


@pytest.mark.parametrize(
    ("english", "portuguese"),
    [
        (
            "runs.vae.train.patience: got -1; allowed: a whole number of at least 0",
            "runs.vae.train.patience: recebido -1; permitido: um número inteiro de pelo menos 0",
        ),
        (
            'run "vae": condition = "labels": x.npz has no labels; take condition = "none"',
            'execução "vae": condition = "labels": x.npz não tem rótulos; use condition = "none"',
        ),
        (
            'argument --samples: got "x"; allowed: a whole number (see latente evaluate --help)',
            'argumento --samples: recebido "x"; permitido: um número inteiro (veja latente evaluate --help)',
        ),
        (
            'unknown data set "mnst"; did you mean "mnist"? Allowed: digits, mnist. There is no such file or folder '
            "either; allowed there: .npz",
            'conjunto de dados desconhecido(a): "mnst"; seria "mnist"? Permitido: digits, mnist. Também não há arquivo '
            "nem pasta com esse nome; permitido nesse caso: .npz",
        ),
        ("what nobody wrote", "what nobody wrote"),
    ],
)
def test_sentences_in_sentences(english, portuguese):
    assert in_language(english, "pt") == portuguese
    assert in_language(english, "en") == english
