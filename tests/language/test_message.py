"""Messages of scores and notes: a key and its values, English as text, in both languages in words."""

import ast
import copy
import json
import pickle
import string
from pathlib import Path

import numpy as np
import pytest

import latente
from latente.cli.main import main
from latente.evaluation.likelihood.collapse import diagnose
from latente.evaluation.likelihood.importance import Bound
from latente.evaluation.scores import scores
from latente.language.message import Message, from_json, phrase, to_json
from latente.language.words import Words
from latente.report.conclusions import warnings_of

EN, PT = Words("en"), Words("pt")
SOURCE = Path(latente.__file__).parent


def made_in_the_code():
    """The key of every message that the code makes, as a template, with the names of its values and its place."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Message":
                values = {k.arg for k in node.keywords}
                for key in keys_of(node.args[0]):
                    yield key, values, f"{path.relative_to(SOURCE)}:{node.lineno}"


def keys_of(node):
    if isinstance(node, ast.Constant):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(v.value if isinstance(v, ast.Constant) else "*" for v in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*keys_of(node.body), *keys_of(node.orelse))


def fields(template):
    return {field for _, field, _, _ in string.Formatter().parse(template) if field}


def test_the_code_and_the_words_have_the_same_messages():
    made = list(made_in_the_code())
    for key, values, place in made:
        if "*" not in key and None not in values and "text" not in values:
            assert fields(EN.templates[key]) == values, place
    starts = tuple(key.partition("*")[0] for key, *_ in made if "*" in key)
    texts = (ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for path in SOURCE.rglob("*.py"))
    whole = {node.value for walk in texts for node in walk if isinstance(node, ast.Constant)}
    said = {k for k in EN.templates if k.startswith(("warning.", "reason.", "scale."))}
    assert {k for k in said if k not in whole and not k.startswith(starts)} == set()
    assert len(said) > 60 and all(EN.templates[k] != PT.templates[k] or len(k) < 18 for k in said)


def test_a_message_is_text_with_a_key_and_values():
    inner = Message("reason.too_few", part=Message("report.part.test"), n=1234, least=30)
    assert inner == "the test part has 1234 examples, and at least 30 are needed" and isinstance(inner, str)
    assert phrase(inner, PT) == "a parte de teste tem 1234 exemplos, e são necessários pelo menos 30"
    assert phrase("said by nobody", PT) == "said by nobody"
    escaped = Message("warning.not_installed", name="\x1b[2J")
    assert escaped.startswith(r"\x1b[2J is not") and phrase(escaped, PT).startswith(r"\x1b[2J não")
    for again in (
        copy.deepcopy(inner),
        pickle.loads(pickle.dumps(inner)),
        from_json(json.loads(json.dumps(to_json(inner)))),
    ):
        assert again == inner and hash(again) == hash(inner) and phrase(again, PT) == phrase(inner, PT)
    assert {inner: 1}[str(inner)] == 1 and type(str(inner)) is str and json.dumps([inner]) == f'["{inner}"]'
    # What files call otherwise than sentences do, and a part that is not latente's own.
    part = Message("likelihood.gaussian", text="gaussian")
    assert (part, phrase(part, EN), phrase(part, PT)) == ("gaussian", "Gaussian", "gaussiana")
    assert phrase(Message("likelihood.mine", text="mine (a = 0.5)"), PT) == "mine (a = 0,5)"


def test_numbers_of_a_message_are_written_as_the_language_does():
    low = Message("scale.reconstruction", low=-1.5, high=2.0)
    assert low == "decoded mean codes, values from -1.5 to 2"
    assert phrase(low, PT) == "códigos médios decodificados, valores de −1,5 a 2"


def test_what_a_later_version_says_is_its_key_and_values():
    assert from_json({"key": "warning.of-tomorrow", "values": {"a": 1, "b": "x"}}) == "of-tomorrow: 1, x"
    assert from_json({"key": "warning.not_installed", "values": {"other": 2}}) == "not_installed: 2"
    assert np.isnan(from_json(to_json(float("nan"))))
    for broken in ({"key": "a"}, {"values": {}}, {"key": "a", "values": {"b": {}}}):
        with pytest.raises(KeyError):
            from_json(broken)


def test_remedies_are_said_with_the_diagnosis():
    found = diagnose(np.array([0.0, 1.0]), latente.VAE(2))
    assert found.advice.startswith("1 of 2 latents are unused; try: a lower weight of the KL (beta is 1); a warm-up")
    assert phrase(found.advice, PT) == (
        "1 de 2 latentes não são usados; experimente: um peso menor da KL (beta é 1); um aquecimento da KL (um "
        'cronograma para beta); bits livres (objetivo "free-bits"); menos latentes (bastam 1); um '
        "decodificador mais fraco (menos camadas, ou mais estreitas), que deixe mais para o código dizer"
    )
    assert "more free bits" in diagnose(np.zeros(2), latente.preset("FreeBitsVAE", 2)).advice
    assert diagnose(np.ones(2), latente.VAE(2)).advice == "all 2 latents are used"


def test_the_bound_says_why_it_is_loose():
    few = np.full(20, 1.25)
    (small,) = Bound(np.ones(20), few, np.full(20, 1.75), 4).warnings()
    (single,) = Bound(np.ones(20), few, np.full(20, np.inf), 1).warnings()
    tails = np.r_[np.full(5, 0.9), np.full(15, 0.1)]
    (heavy,) = Bound(np.ones(20), np.full(20, 99.0), np.ones(20), 1000, tails).warnings()
    assert small == (
        "K = 4 is too small for a tight bound: for a tenth of the examples 1.2 or fewer effective draws carry it, and "
        "the last doubling of K lowered it by 0.75 nats; take more samples (a larger K)"
    )
    assert single.endswith("1.2 or fewer effective draws carry it; take more samples (a larger K)")
    assert heavy.startswith("for 25% of the examples the importance weights have a heavy tail (index above 0.67)")
    assert "em 0,75 nats" in phrase(small, PT) and phrase(heavy, PT).startswith("em 25% dos exemplos")
    assert Bound(np.ones(20), np.full(20, 99.0), np.ones(20), 1000).warnings() == ()


@pytest.mark.slow
def test_a_small_k_is_told_on_the_terminal_and_for_the_report(tiny, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    run = latente.fit(latente.VAE(2, hidden=(8,)), tiny, epochs=1, name="small")
    assert warnings_of([run], EN) == []
    few = scores.make({"name": "nll", "samples": 2})
    run.score(few, "validation")
    (told,) = warnings_of([run], EN)
    assert told.startswith("small, NLL bound (K = 2) (validation): K = 2 is too small for a tight bound")
    run.save("here")
    monkeypatch.setattr("latente.evaluation.run.load", lambda folder: run)
    command = ["evaluate", "here", "--metrics", "nll,exact-nll", "--samples", "2", "--split", "validation"]
    assert main([*command, "--lang", "pt"]) == 0
    title, table, _, below, lacking = capsys.readouterr().out.splitlines()
    assert title.startswith("nll_2 (validação): pontuação BCE de tons de cinza") and "efetivo da amostra" in table
    assert below.startswith("here: K = 2 é pequeno demais")
    assert lacking.startswith("here: não tem exact-nll: log p(x) não tem forma fechada aqui: isso requer uma")
    ess = run.metrics["validation"]["nll_2_ess"]
    assert 1 <= ess.value <= 2
    assert ess.value == pytest.approx(run.measured["validation"]["nll_2"].each("nll_2_ess").mean(), rel=1e-6)
