"""ONNX files compute what the models do, by ONNX Runtime."""

import numpy as np
import pytest
from exported import MODELS, case, compare, made, through_onnx
from made import untrained

import latente
from latente.errors import SpecError
from latente.export import onnx_graph

onnx = pytest.importorskip("onnx", reason="onnx is not installed (pip install 'latente[onnx]')")


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_codes_and_means_are_those_of_the_model(name, tmp_path):
    run, x, context = case(name)
    folder = run.export("onnx", tmp_path / "it")
    compare(run, x, through_onnx(folder, x, context), context)
    one = None if context is None else context[:1]
    compare(run, x[:1], through_onnx(folder, x[:1], one), one)
    for part in ("encoder", "decoder"):
        onnx.checker.check_model(str(folder / f"{part}.onnx"), full_check=True)
        graph = onnx.load(folder / f"{part}.onnx").graph
        ends = [graph.input, graph.output]
        assert all(one.type.tensor_type.shape.dim[0].dim_param == "n" for end in ends for one in end)
        assert not {node.op_type for node in graph.node} & {"RandomNormal", "RandomNormalLike", "RandomUniform"}
        given = [] if context is None else ["context"]
        assert [one.name for one in graph.input] == [{"encoder": "x", "decoder": "code"}[part], *given]


def test_a_gaussian_posterior_has_its_log_variances(tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (pip install onnxruntime)")
    run, x, _ = case("mlp")
    session = runtime.InferenceSession(run.export("onnx", tmp_path / "it") / "encoder.onnx")
    assert [one.name for one in session.get_outputs()] == ["code", "log_variance"]
    found = session.run(["log_variance"], {"x": np.float32(x)})[0]
    outputs = np.stack([run.model.posterior.moments(run.model.encode(one))[1] for one in run.units.values(x)])
    np.testing.assert_allclose(found, outputs, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["minmax", "none", 7.0])
def test_the_scaling_is_inside(scale, tmp_path):
    x = (1e6 + 3 * np.random.default_rng(0).normal(size=(80, 4))) * [1, 1, 1e-6, 10]
    x = x if scale == "minmax" else np.float32(x - [1e6, 1e6, 0, 1e7])
    spec = latente.VAE(2, hidden=(5,), likelihood={"name": "gaussian", "sigma": 0.5})
    run = untrained(latente.load_data(x, scale=scale), spec)
    x = run.data.train.x
    code, again = through_onnx(run.export("onnx", tmp_path / "it"), x)
    np.testing.assert_allclose(code, run.encode(x), rtol=1e-5, atol=1e-5)
    wanted = run.decode(run.encode(x))
    np.testing.assert_allclose(again * run.units.multiplier + run.units.offset, wanted, rtol=1e-5, atol=1e-5)


def test_without_the_package_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(SpecError, match=r"needs the package onnx; pip install 'latente\[onnx\]'"):
        made({})[0].export("onnx", tmp_path / "it")


def test_a_file_of_more_than_two_gibibytes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_graph, "LIMIT", 100)
    with pytest.raises(SpecError, match="the encoder has [0-9,]+ bytes, and an ONNX file at most 100; export it"):
        made({})[0].export("onnx", tmp_path / "it")
    assert not list(tmp_path.iterdir())
