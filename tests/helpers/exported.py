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
    x, y = blobs(60, shape)
    return _run((x, y), options, **data)


def _run(data, options, **given):
    import dataclasses

    import latente

    options = {"latent_dim": 3, "hidden": (9, 6), **options}
    run = untrained(latente.load_data(data, **given), latente.VAE(**options), name="odd")
    # What a likelihood takes from the data is no random number.
    started = run.model.likelihood.start(lambda: run.units.values(run.data.train.x))
    run.model = dataclasses.replace(run.model, likelihood=started)
    return run, run.data.train.x[:11]


def table(missing=False):
    """Rows with a column of each kind, the first far from zero, and the likelihood's names of the kinds."""
    rng, n = np.random.default_rng(0), 60
    rates = rng.gamma(2, 3, n)
    columns = {
        "real": 1e4 + 3 * rng.normal(size=n),
        "categorical:3": rng.integers(0, 3, n),
        "count": rng.poisson(rates),
        "binary": rng.integers(0, 2, n),
        "ordinal:4": rng.integers(0, 4, n),
        "count:negative-binomial": rng.poisson(rates**2),
        "categorical:2": rng.integers(0, 2, n),
        "ordinal:3": rng.integers(0, 3, n),
    }
    x = np.stack([*columns.values(), rng.normal(size=n)], axis=1).astype(np.float32)
    if missing:
        x[rng.uniform(size=x.shape) < 0.2] = np.nan
    return x, [*columns, "real"]


def expected(run, x, context=None):
    """Codes of stored examples and the decoded means, in the data's own units and in single precision, by JAX."""
    from latente.evaluation import latent

    codes = latent.encode(run.model, run.units.values(x), context)
    means = latent.decode(run.model, codes, context)
    return codes, (np.float64(means) - run.units.offset) / run.units.multiplier


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
    "vmf": {"posterior": "von-mises-fisher", "prior": "uniform-sphere"},
    "hard": {
        "posterior": {"name": "gumbel-softmax", "classes": 4},
        "prior": {"name": "uniform-categorical", "classes": 4},
    },
    "soft": {
        "posterior": {"name": "gumbel-softmax", "classes": 4, "hard": False},
        "prior": {"name": "uniform-categorical", "classes": 4},
    },
    "fsq": {"posterior": {"name": "fsq", "levels": (8, 5)}, "prior": "uniform-codes", "objective": "vq"},
    "vq": {"posterior": {"name": "vq", "codes": 7, "width": 2}, "prior": "uniform-codes", "objective": "vq"},
    "rvq": {"posterior": {"name": "rvq", "codes": 5, "width": 3}, "prior": "uniform-codes", "objective": "vq"},
    "continuous": {"likelihood": "continuous-bernoulli"},
    "poisson": {"likelihood": "poisson"},
    "nb": {"likelihood": {"name": "negative-binomial", "dispersion": "per-example"}},
    "zinb": {"likelihood": "zero-inflated-negative-binomial"},
    "grey": {"likelihood": {"name": "categorical", "categories": 256, "values": "grey"}},
    "whole": {"likelihood": {"name": "categorical", "categories": 3}, "network": "conv"},
    "class": {"condition": "labels"},
    "conv class": {"condition": "labels", "network": "conv"},
    "gated class": {"condition": "labels", "network": "gated-mlp"},
    "gaps": {"likelihood": "gaussian", "missing": True},
    "mixed": {"likelihood": "mixed"},
    "mixed gaps": {"likelihood": "mixed", "missing": True},
    "masked": {"likelihood": "self-masked", "missing": True, "objective": "masked-iwae"},
}
"""Options of models that can be exported, by what is particular of each."""


def case(name):
    """The run, some examples, and what they are given with, of one of `MODELS`."""
    options = MODELS[name]
    if name in ("mixed", "mixed gaps"):
        x, kinds = table(missing="missing" in options)
        options = {**options, "likelihood": {"name": "mixed", "columns": kinds}}
        found = _run(x, options, scale="none", labels=False, missing="keep" if "missing" in options else "refuse")
    elif options.get("missing"):
        found = _run(table(missing=True)[0] % 7, options, scale="none", labels=False, missing="keep")
    elif name in ("poisson", "nb", "zinb"):
        found = made(options, scale="none")
    elif name == "whole":
        found = _run(np.random.default_rng(0).integers(0, 3, (60, 7, 5)), options, scale="none")
    else:
        found = made(options, (9, 7, 3) if name == "colours" else (7, 5))
    size = found[0].model.context_size
    return *found, np.eye(size, dtype=np.float32)[np.arange(11) % size] if size else None
