"""A study's notebook says what its spec says, and running its cells gives the study's own numbers."""

import ast
import json

import pytest

import latente
from latente.evaluation import manifest
from latente.language.words import Words
from latente.objective.presets import AE, VAE
from latente.report.formats.notebook import model_code, notebook
from latente.spec import DataSpec, ModelSpec, RunSpec, StudySpec, TrainSpec

MODELS = [
    VAE(2), VAE(8, hidden=(16,), beta=4.0), AE(3, hidden=(8,)), AE(3, code_activation="linear"),
    VAE(4, likelihood={"name": "gaussian", "sigma": "learned"}), ModelSpec(prior={"name": "vamp"}, activation="tanh"),
]  # fmt: skip


@pytest.mark.parametrize("spec", MODELS)
def test_a_model_is_written_as_a_call_that_makes_it(spec):
    assert eval(model_code(spec), {"latente": latente}) == spec


def test_the_notebooks_models_are_written_as_the_notebook_has_them():
    assert model_code(VAE(2)) == "latente.VAE(latent_dim=2)"
    assert model_code(AE(32)) == "latente.AE(latent_dim=32)"


def code_of(text):
    return ["".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "code"]


def test_what_comes_from_outside_is_a_value_and_never_code():
    source = "x'); import os; exit("
    text = notebook(StudySpec("# <img src=x>", DataSpec(source), (0,), (RunSpec("a", 0, VAE(2)),)), Words("en"))
    nodes = [n for cell in code_of(text) for n in ast.walk(ast.parse(cell))]
    assert not any(isinstance(n, ast.Name) and n.id in ("os", "exit") for n in nodes)
    assert sum(isinstance(n, ast.Constant) and n.value == source for n in nodes) == 1
    assert json.loads(text)["cells"][0]["source"][0] == "# \\# \\<img src=x\\>\n"


@pytest.mark.slow
def test_its_cells_give_the_numbers_of_the_study(tmp_path, monkeypatch, capsys):
    data = DataSpec("mnist-5k", without=("0",))
    train = TrainSpec(epochs=1, batch_size=512)
    runs = tuple(RunSpec(name, 0, VAE(d, hidden=(4,)), train) for name, d in (("first", 2), ("second-3", 3)))
    study = latente.run_study(StudySpec("t", data, (1,), runs), out=tmp_path / "study", lang="en")
    listed = set(manifest.opened(study.folder).files)
    path = latente.report_study(study.folder, lang="pt", format="ipynb")
    assert set(manifest.opened(study.folder).files) == listed | {"study.ipynb"}
    names = {}
    for cell in code_of(path.read_text(encoding="utf-8")):
        exec(compile(cell, "cell", "exec"), names)
    for run in study.runs:
        again = names["runs"][run.spec.name][0]
        assert again.metrics["test"]["loss"].value == run.metrics["test"]["loss"].value
    assert "Perda" in capsys.readouterr().out
