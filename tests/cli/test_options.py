"""Options that commands share: what words are read as, and the scores that are asked for."""

import argparse

import pytest

from latente.cli import options
from latente.errors import SpecError


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (options.whole, "-3", -3),
        (options.number, "2.5e-1", 0.25),
        (options.seeds, "3", 3),
        (options.seeds, "0,3,7", [0, 3, 7]),
    ],
)
def test_words_are_read_as_numbers(read, text, value):
    assert read(text) == value and type(read(text)) is type(value)


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (options.whole, "2.5", 'got "2.5"; allowed: a whole number'),
        (options.number, "x", 'got "x"; allowed: a number'),
        (options.seeds, "0,", 'got "0,"; allowed: how many (3), or which (0,3,7)'),
    ],
)
def test_other_words_are_refused(read, text, said):
    with pytest.raises(argparse.ArgumentTypeError) as error:
        read(text)
    assert str(error.value) == said


def test_scores_have_the_options_that_are_set():
    found = options.scores_of("nll, generation", 50, ["generation.samples=500", "generation.k=3"])
    assert [score.key() for score in found] == ["nll_50", "generation_samples500_k3"]
    # What is set is stronger than --samples.
    assert options.scores_of("nll", 50, ["nll.samples=7"])[0].key() == "nll_7"
    assert options.scores_of(None, None, []) == []
    with pytest.raises(SpecError) as error:
        options.scores_of("mean-mse", 50, [])
    assert str(error.value) == (
        "--samples 50 is the K of nll, which is not asked for (asked: mean-mse); add nll to --metrics, or set an "
        "option of another score by --set NAME.OPTION=VALUE"
    )


def test_the_language_is_the_one_asked_for_or_the_locales(monkeypatch):
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    assert options.words_of(argparse.Namespace(lang="en")).language == "en"
    assert options.words_of(argparse.Namespace(lang=None)).language == "pt"
    assert options.words_of(argparse.Namespace()).language == "pt"


def test_a_command_is_what_does_it_and_without_one_there_is_help(capsys):
    parser = argparse.ArgumentParser(prog="tool")
    done = []
    made = options.commands(parser)("work", done.append, help="what is done")
    options.scores(made, "which", default="nll")
    options.language(made)
    arguments = parser.parse_args(["work", "--scores", "nll,ais", "--samples", "9", "--set", "a.b=1", "--set", "c.d=2"])
    assert (arguments.scores, arguments.samples, arguments.settings) == ("nll,ais", 9, ["a.b=1", "c.d=2"])
    arguments.do(arguments)
    assert done == [arguments] and arguments.parser is made
    bare = parser.parse_args([])
    bare.do(bare)
    assert capsys.readouterr().out == parser.format_help().rstrip() + "\n"
