"""An exported folder, opened as somebody without latente opens it."""

import importlib.util

import numpy as np
import pytest
from layers import evaluate
from made import blobs, untrained


def opened(folder, name="model"):
    """What model.py of a folder loads."""
    spec = importlib.util.spec_from_file_location(f"{name}_{folder.name}", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load()


def through_onnx(folder, x, context=None):
    """Codes and decoded codes by ONNX Runtime."""
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (pip install onnxruntime)")
    given = {} if context is None else {"context": np.float32(context)}
    encoder, decoder = (runtime.InferenceSession(folder / f"{name}.onnx") for name in ("encoder", "decoder"))
    dtype = np.float64 if "double" in encoder.get_inputs()[0].type else np.float32
    code = encoder.run(["code"], {"x": np.asarray(x, dtype), **given})[0]
    return code, decoder.run(["x"], {"code": code, **given})[0]


def through_model(folder, x, context=None):
    """The same by model.py of torch or keras."""
    model = opened(folder)
    code = model.encode(x, context)
    again = model.decode(code, context)
    return [np.asarray(a.detach() if hasattr(a, "detach") else a) for a in (code, again)]


def by_numpy(program, x, context=None):
    """A layer program carried out by NumPy."""
    return evaluate(program.steps, program.arrays, np.reshape(x, (len(x), -1)), context)


def made(options, shape=(7, 5), **data):
    """A run of a model with random weights on grey images, and some of its examples, as they are stored."""
    import latente

    x, y = blobs(60, shape)
    options = {"latent_dim": 3, "hidden": (9, 6), **options}
    return untrained(latente.load_data((x, y), **data), latente.VAE(**options), name="odd"), x[:11]


def expected(run, x, context=None):
    """Codes of stored examples and the decoded means, in the data's own units and in single precision, by JAX."""
    import jax

    model, units = run.model, run.units
    given = () if context is None else (np.float32(context),)
    codes = np.asarray(jax.vmap(model.code)(units.values(x), *given))
    means = np.asarray(jax.vmap(model.mean)(codes, *given))
    return codes, (np.float64(means) - units.offset) / units.multiplier


def compare(run, x, found, context=None):
    """Codes and means are those of the run, to 1e-5 of the numbers' size."""
    for ours, theirs in zip(expected(run, x, context), found, strict=True):
        assert ours.shape == theirs.shape and np.isfinite(theirs).all()
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5 * max(1, np.abs(ours).max()))


MODELS = {
    "mlp": {},
    "deep": {"hidden": (9, 8, 7), "activation": "gelu"},
    "elu": {"activation": "elu", "likelihood": {"name": "gaussian", "sigma": 0.3}},
    "silu": {"activation": "silu", "likelihood": {"name": "gaussian", "sigma": "per-value"}},
    "softplus": {"activation": "softplus", "likelihood": {"name": "laplace", "scale": "per-value"}},
    "tanh": {"activation": "tanh", "likelihood": {"name": "gaussian", "sigma": "learned"}},
    "full": {"posterior": "full-gaussian"},
    "dirac": {"posterior": {"name": "dirac", "activation": "tanh"}, "prior": "none", "objective": "reconstruction"},
    "top": {"posterior": {"name": "dirac", "top_k": 2}, "prior": "none", "objective": "reconstruction"},
    "gated": {"network": "gated-mlp", "activation": "linear"},
    "conv": {"network": "conv", "hidden": (4, 5)},
    "residual": {"network": {"name": "residual", "blocks": 2}, "hidden": (3, 4), "activation": "elu"},
    "colours": {"network": "conv", "hidden": (4, 3, 2), "likelihood": {"name": "gaussian", "sigma": "per-value"}},
}
"""Options of models that can be exported, by what is particular of each."""


def case(name):
    """The run and the examples of one of `MODELS`."""
    return made(MODELS[name], (9, 7, 3) if name == "colours" else (7, 5))
