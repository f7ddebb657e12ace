"""Warnings of scores, as the evaluation says them, in both languages."""

import numpy as np
import pytest

import latente
from latente.cli.main import main
from latente.evaluation.likelihood.collapse import diagnose
from latente.evaluation.likelihood.decomposition import Decomposition
from latente.evaluation.likelihood.importance import Bound
from latente.evaluation.metrics.anomaly import detect
from latente.evaluation.outliers.anomaly_scores import KINDS
from latente.evaluation.scores import ais, outliers, scores
from latente.language.message import PREFIX, in_language, patterns
from latente.language.words import Words
from latente.report.conclusions import warnings_of

EN, PT = Words("en"), Words("pt")


def said():
    """Every warning that a score can give."""
    few, none = np.full(20, 1.25), np.zeros(20)
    yield Bound(np.ones(20), few, np.full(20, 1.75), 4).warning()
    yield Bound(np.ones(20), few, np.full(20, np.inf), 1).warning()
    yield Bound(np.ones(20), np.full(20, 99.0), np.ones(20), 1000, np.r_[np.full(5, 0.9), np.full(15, 0.1)]).warning()
    reversed_ = detect(np.arange(30.0) + 20, np.arange(30.0))
    yield from (outliers.warning_of(kind, reversed_, "noise") for kind in KINDS)
    yield from (outliers.TOLD, "against noise")
    yield Decomposition(few, few, np.full(20, np.log(20)), none, None, None, None).warning()
    for spec in (latente.VAE(2), latente.preset("FreeBitsVAE", 2)):
        yield diagnose(np.array([0.0, 1.0]), spec).sentence()
        yield diagnose(np.zeros(2), spec).sentence()
    yield from (diagnose(np.array(v), latente.VAE(2)).plain for v in ([0.0, 0.0], [0.0, 1.0], [1.0, 1.0]))
    yield from ais.warnings(np.full(20, 1.5), none, 50, 100)
    yield from ais.warnings(np.full(20, -1.5), np.ones(20), 50, 100)


def test_every_warning_has_its_template_in_both_languages():
    matched = set()
    for warning in said():
        assert in_language(warning, EN) == warning != in_language(warning, PT)
        clauses = warning.partition("try: ")[2].split("; ") if "try: " in warning else []
        for sentence in (warning, *clauses):
            (key,) = [key for key, pattern in patterns() if pattern.fullmatch(sentence)]
            matched.add(key)
    keys = {k for k in EN.templates if k.startswith(PREFIX)}
    assert matched == keys == {k for k in PT.templates if k.startswith(PREFIX)}
    told = [in_language(w, PT) for w in said()]
    assert "em 0,75 nats" in told[0] and any("(3,00 nats)" in t for t in told)
    (some,) = [t for t in told if t.startswith("1 de 2")][:1]
    assert some == (
        "1 de 2 latentes não são usados; experimente: um peso menor da KL (beta é 1); um aquecimento da KL (um "
        'cronograma para beta); bits livres (objetivo "free-bits"); menos latentes (bastam 1); um '
        "decodificador mais fraco (menos camadas, ou mais estreitas), que deixe mais para o código dizer"
    )
    assert in_language("said by nobody", PT) == "said by nobody"


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
