"""The page carries out the layer programs by itself, as NumPy does; what has none is explored with the server."""

import json
from importlib.resources import files

import numpy as np
import pytest
from exported import MODELS, by_numpy, case, made

from latente.errors import SpecError
from latente.explorer import page_program
from latente.explorer.export import _packed
from latente.export import layer_program


def test_what_has_no_layer_program_is_refused_by_name_with_what_to_do():
    run, _ = made({"posterior": "iaf"})
    with pytest.raises(SpecError, match="a page as one file: the posterior InverseAutoregressive cannot") as error:
        page_program.encoder(run.model)
    assert "\n" not in str(error.value) and "without --export" in str(error.value)
    with pytest.raises(SpecError, match="the likelihood DiscretisedLogistic cannot"):
        page_program.decoder(made({"likelihood": "discretised-logistic"})[0].model)


def test_nats_are_computed_for_two_likelihoods_and_of_the_others_the_error():
    assert page_program.tells_nats(made({})[0].model)
    assert page_program.tells_nats(made({"likelihood": {"name": "gaussian", "sigma": "learned"}})[0].model)
    assert not page_program.tells_nats(made({"likelihood": {"name": "gaussian", "sigma": "per-value"}})[0].model)
    assert not page_program.tells_nats(made({"likelihood": "laplace"})[0].model)


@pytest.fixture(scope="module")
def script(browser):
    """The page's script of programs, alone on an empty page: what it makes of rows."""
    page = browser.page()
    page.open("about:blank", ready=None)
    page.js(files("latente.explorer").joinpath("page", "forward.js").read_text(encoding="utf-8") + ";0")

    def carried_out(program, x, context):
        arrays = {k: {"data": np.ravel(a).tolist(), "shape": list(a.shape)} for k, a in program.arrays.items()}
        rows = [[None if np.isnan(v) else float(v) for v in row] for row in np.reshape(x, (len(x), -1))]
        given = [[]] * len(rows) if context is None else np.asarray(context).tolist()
        return np.array(
            page.js(
                f"(() => {{ const program = {json.dumps(program.table())}, arrays = {json.dumps(arrays)};"
                "for (const v of Object.values(arrays)) v.data = Float32Array.from(v.data);"
                f"const given = {json.dumps(given)}; return {json.dumps(rows)}.map((row, i) => Array.from("
                "forward(program, arrays, Float32Array.from(row, (v) => v ?? NaN), given[i]))); })()"
            )
        )

    yield carried_out
    page.close()


@pytest.mark.slow
def test_the_script_computes_every_model_that_numpy_does(script):
    seen = set()
    for name in MODELS:
        run, x, context = case(name)
        up, down = layer_program.encoder(run.model), layer_program.decoder(run.model)
        seen |= layer_program.used(up.steps) | layer_program.used(down.steps)
        values = run.units.values(x)
        codes = by_numpy(up, values, context)
        np.testing.assert_allclose(script(up, values, context), codes, rtol=1e-5, atol=2e-6, err_msg=name)
        codes = codes[:, : run.model.code_size]
        means = by_numpy(down, codes, context)
        np.testing.assert_allclose(script(down, codes, context), means, rtol=1e-5, atol=2e-6, err_msg=name)
    named = {line.split("``")[1] for line in layer_program.__doc__.splitlines() if line.startswith("``")}
    assert seen == named


@pytest.mark.parametrize("name", ["conv class", "residual", "colours"])
def test_half_precision_moves_no_pixel_by_a_step(name):
    run, x, context = case(name)
    down = layer_program.decoder(run.model)
    codes = by_numpy(layer_program.encoder(run.model), run.units.values(x), context)[:, : run.model.code_size]
    exact = by_numpy(down, codes, context)
    down.arrays = {k: _packed(k, a).astype(np.float32) for k, a in down.arrays.items()}
    assert np.abs(by_numpy(down, codes, context) - exact).max() < (1 / 255) * max(1, np.abs(exact).max())
