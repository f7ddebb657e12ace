"""The drawing of layers: sizes made from the spec agree with the arrays of the model."""

import jax.numpy as jnp
from made import built
from madereport import HIDDEN, run

import latente
from latente.language.words import Words
from latente.report.figures.layers import described, draw, layers_of
from latente.report.figures.style import svg
from latente.spec import RunSpec, TrainSpec

EN = Words("en")


def sizes(data, spec):
    model = built(RunSpec("m", 0, spec, TrainSpec(epochs=1, batch_size=16), data.spec), data.shape)
    return model, layers_of(spec, model)


def test_a_fully_connected_model(tiny):
    model, found = sizes(tiny, latente.VAE(3, hidden=(8, 4)))
    assert [(layer.role, layer.size) for layer in found] == [
        ("input", "6 × 5"), ("hidden", "8"), ("hidden", "4"), ("parameters", "6"), ("code", "3"), ("hidden", "4"),
        ("hidden", "8"), ("output", "6 × 5"),
    ]  # fmt: skip
    widths = [layer.weight.shape[1] for layer in (*model.encoder.layers, *model.decoder.layers)]
    assert widths == [layer.count for layer in found if layer.role not in ("input", "code")]
    code = next(layer for layer in found if layer.role == "code")
    assert code.count == model.code(jnp.zeros(tiny.shape)).shape[0]


def test_a_convolutional_model_halves_its_sides(tiny):
    model, found = sizes(tiny, latente.VAE(2, hidden=(4, 8), network="conv"))
    assert [layer.size for layer in found[:4]] == ["6 × 5", "3 × 3 × 4", "2 × 2 × 8", "4"]
    assert model.encoder.last.weight.shape[0] == found[2].count == 32


def test_a_code_that_is_a_point_has_no_parameters_and_is_drawn(tiny):
    ae = run(tiny, "ae", latente.AE(2, hidden=HIDDEN))
    assert [layer.role for layer in layers_of(ae.spec.model, ae.model)] == [
        "input", "hidden", "code", "hidden", "output",
    ]  # fmt: skip
    assert described(ae.spec.model, ae.model, EN).endswith("8 (hidden layer) and 6 × 5 (reconstruction)")
    assert b"<svg" in svg(draw(ae.spec.model, ae.model, EN))
