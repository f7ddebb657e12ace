"""A model leaves: what is written, for whom, and what is refused."""

import ast
import json
from importlib.resources import files

import numpy as np
import pytest
from exported import MODELS, case, compare, made, through_onnx
from safetensors.numpy import load_file

from latente.cli.main import main
from latente.errors import SpecError, StoreError

HOSTILE = 'a"""\nimport os; os.system("rm -rf /")  # \\ \' {}'


def test_a_folder_for_torch_holds_weights_values_and_a_fixed_text(tmp_path):
    run, _ = made({}, scale="minmax")
    run.card |= {"name": HOSTILE, "classes": [HOSTILE]}
    folder = run.export("torch", tmp_path / "new" / "model")
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.py", "model.safetensors"]
    assert [p.name for p in folder.parent.iterdir()] == ["model"]
    config = json.loads((folder / "config.json").read_text())
    assert config["data"]["name"] == config["data"]["classes"][0] == HOSTILE
    assert config["shape"] == [7, 5] and config["clip"] is True
    text = (folder / "model.py").read_bytes()
    assert text == files("latente.export").joinpath("torch_model.py").read_bytes()
    arrays = load_file(folder / "model.safetensors")
    named = set(arrays) - {"scaling.multiplier", "scaling.offset"}
    assert named and all(f'"{name}"' in json.dumps(config) for name in named)
    assert np.array_equal(arrays["scaling.multiplier"], run.units.multiplier)


@pytest.mark.parametrize("name", ["torch", "keras"])
def test_the_text_needs_the_framework_and_safetensors_alone(name):
    text = files("latente.export").joinpath(f"{name}_model.py").read_text()
    found = {n.module if isinstance(n, ast.ImportFrom) else n.names[0].name for n in ast.walk(ast.parse(text))
             if isinstance(n, ast.Import | ast.ImportFrom)}  # fmt: skip
    allowed = {"torch": {"torch"}, "keras": {"keras", "numpy"}}[name] | {"json", "math", "pathlib", "safetensors"}
    assert {module.partition(".")[0] for module in found} <= allowed
    assert not {"eval", "exec", "pickle", "compile"} & {
        n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)
    }


def test_nothing_is_overwritten_and_mistakes_are_one_line(tmp_path):
    run, _ = made({})
    (tmp_path / "there").mkdir()
    for place in (tmp_path / "there", tmp_path / "link"):
        if place.name == "link":
            place.symlink_to(tmp_path / "nowhere")
        with pytest.raises(StoreError, match="exists, and an export overwrites nothing; give another name"):
            run.export("torch", place)
    with pytest.raises(SpecError, match='unknown target "pytorch"; did you mean "torch"'):
        run.export("pytorch", tmp_path / "a")
    with pytest.raises(SpecError, match="the posterior InverseAutoregressive cannot be written as a list"):
        made({"posterior": "iaf"})[0].export("torch", tmp_path / "a")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "there"]


@pytest.mark.slow
def test_the_command_writes_what_python_writes(tmp_path, capsys):
    run, x, _ = case("mlp")
    run.save(tmp_path / "run")
    assert main(["export", str(tmp_path / "run"), "--to", "onnx", "-o", str(tmp_path / "onnx")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "onnx")
    compare(run, x, through_onnx(tmp_path / "onnx", x))
    assert main(["export", str(tmp_path / "run"), "--to", "onnx", "-o", str(tmp_path / "onnx"), "--lang", "pt"]) != 0
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "já existe" in error


@pytest.mark.slow
def test_a_fitted_prior_is_the_one_that_is_exported(tmp_path):
    run, _ = made(MODELS["dirac"])
    config = lambda name: json.loads((tmp_path / name / "config.json").read_text())  # noqa: E731
    run.export("keras", tmp_path / "none")
    assert config("none")["prior"] == {"kind": "none"}
    fitted = run.with_prior("gaussian-mixture", components=2)
    fitted.export("keras", tmp_path / "fitted")
    assert config("fitted")["prior"] == {"kind": "mixture"}
    arrays = load_file(tmp_path / "fitted" / "model.safetensors")
    assert arrays["prior.means"].shape == (2, 3) and np.isclose(arrays["prior.weights"].sum(), 1)
