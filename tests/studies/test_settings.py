"""Options of scores from the command line reach the scores, and what they find is kept with the run."""

import json

import numpy as np
import pytest
from made import untrained

import latente
from latente.cli.main import main
from latente.errors import SpecError
from latente.evaluation.run import load
from latente.studies.settings import of_parts, value_of


def test_values_are_tomls_or_words():
    assert [value_of(t) for t in ("5", "0.5", "true", '["pca", "tsne"]', "values", '"5"')] == [
        5, 0.5, True, ["pca", "tsne"], "values", "5",
    ]  # fmt: skip


def test_options_go_to_the_score_that_is_named():
    found = of_parts(["generation.samples=500", "generation.features=values", "nll.memory=16"], ["generation", "nll"])
    assert found == {"generation": {"samples": 500, "features": "values"}, "nll": {"memory": 16}}
    with pytest.raises(SpecError, match='--set: got "samples=5"; allowed: NAME.OPTION=VALUE'):
        of_parts(["samples=5"], ["nll"])
    with pytest.raises(SpecError, match='unknown score "generaton"; did you mean "generation"'):
        of_parts(["generaton.k=5"], ["generation"])


def test_a_run_is_scored_from_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    data = latente.load_data("digits")
    run = untrained(data, latente.AE(2, hidden=(8,)))
    run.save(tmp_path / "run")
    asked = ["evaluate", str(tmp_path / "run"), "--scores", "reconstruction,generation", "--lang", "en"]
    out = tmp_path / "numbers.json"
    assert main([*asked, "--set", "reconstruction.worst=3", "--json", str(out)]) == 0
    said = capsys.readouterr().out
    assert "has no generation: it has no prior to sample from" in said and "SSIM" in said
    again = load(tmp_path / "run", data=data)
    kept = again.measured["test"]["reconstruction_worst3"]
    error = ((again.reconstruct(data.test.x) - data.values(data.test.x)) ** 2).mean(axis=(1, 2))
    assert kept.arrays["worst"].tolist() == np.argsort(-error, kind="stable")[:3].tolist()
    told = {row["metric"]: row["value"] for row in json.loads(out.read_text())}
    assert (
        told["reconstruction_mse"] == kept.values["reconstruction_mse"].value == pytest.approx(error.mean(), rel=1e-5)
    )
    assert main([*asked, "--set", "generation.sample=3"]) == 2
    assert 'unknown option of score "generation" "sample"; did you mean "samples"' in capsys.readouterr().err


def test_k_without_a_score_that_takes_it_is_an_error_before_anything_is_read(capsys):
    for command in ("evaluate", "compare"):
        assert main([command, "nowhere", "--metrics", "mean-mse,generation", "--samples", "500"]) == 2
        said = capsys.readouterr().err
        assert "--samples 500 is the K of nll, which is not asked for (asked: mean-mse, generation)" in said
