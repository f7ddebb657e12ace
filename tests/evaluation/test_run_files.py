"""A model rebuilt from its folder by NumPy alone, as docs/folder-format.md says."""

import json
import warnings

import numpy as np
import pytest
from safetensors.numpy import load_file

import latente
from latente.errors import LatenteWarning, StoreError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (60, 7, 6), np.uint8)
DATA = latente.load_data(IMAGES)

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "gelu": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(x, 0),
}


def bounded(raw, bound):
    return bound * np.tanh(raw / bound)


class Rebuilt:
    """Of a folder, with nothing of latente."""

    def __init__(self, folder):
        self.spec = json.loads((folder / "spec.json").read_text())
        assert self.spec["format"] == 2
        self.parts, self.sizes = self.spec["parts"], self.spec["sizes"]
        self.w = {k: v.astype(np.float64) for k, v in load_file(folder / "weights.safetensors").items()}
        self.act = ACTIVATIONS[self.spec["model"]["activation"]]

    def dense(self, name, x):
        return x @ self.w[f"{name}.weight"] + self.w[f"{name}.bias"]

    def count(self, name):
        return len({k.split(".")[len(name.split("."))] for k in self.w if k.startswith(name + ".")})

    def mlp(self, name, x):
        last = self.count(f"{name}.layers") - 1
        for i in range(last):
            x = self.act(self.dense(f"{name}.layers.{i}", x))
        return self.dense(f"{name}.layers.{last}", x)

    def gated(self, name, x):
        for i in range(self.count(f"{name}.values")):
            gate = ACTIVATIONS["sigmoid"](self.dense(f"{name}.gates.{i}", x))
            x = self.act(self.dense(f"{name}.values.{i}", x)) * gate
        return self.dense(f"{name}.last", x)

    def conv(self, name, x, stride):
        """(n, height, width, channels), by the sum over the kernel's places."""
        kernel = self.w[f"{name}.weight"]
        k, (rows, columns) = len(kernel), (-(-side // stride) for side in x.shape[1:3])
        over = [max((out - 1) * stride + k - side, 0) for out, side in zip((rows, columns), x.shape[1:3], strict=True)]
        x = np.pad(x, [(0, 0), *((o // 2, o - o // 2) for o in over), (0, 0)])
        found = self.w[f"{name}.bias"] + np.zeros((len(x), rows, columns, kernel.shape[-1]))
        for i in range(k):
            for j in range(k):
                met = x[:, i : i + (rows - 1) * stride + 1 : stride, j : j + (columns - 1) * stride + 1 : stride]
                found += met @ kernel[i, j]
        return found

    def conv_encoder(self, x):
        x = x.reshape(*x.shape[:3], -1)
        for i in range(self.count("encoder.downs")):
            x = self.act(self.conv(f"encoder.downs.{i}", x, 2))
        return self.dense("encoder.last", x.reshape(len(x), -1))

    def conv_decoder(self, z):
        levels, (outputs, height, width, *channels) = self.count("decoder.ups"), self.sizes["outputs"]
        sides = [(height, width)]
        for _ in range(levels):
            sides.append(tuple(-(-side // 2) for side in sides[-1]))
        x = self.act(self.dense("decoder.first", z)).reshape(len(z), *sides[-1], -1)
        for i, (rows, columns) in enumerate(sides[-2::-1]):
            x = x.repeat(2, axis=1).repeat(2, axis=2)[:, :rows, :columns]
            x = self.conv(f"decoder.ups.{i}", x, 1)
            x = self.act(x) if i + 1 < levels else x
        x = np.moveaxis(x.reshape(*x.shape[:3], outputs, -1), 3, 1)
        return x.reshape(len(x), outputs, height, width, *channels)

    def encoder(self, x):
        network = self.parts["network"]["name"]
        if network == "conv":
            return self.conv_encoder(x)
        return {"mlp": self.mlp, "gated-mlp": self.gated}[network]("encoder", x.reshape(len(x), -1))

    def decode(self, z):
        network = self.parts["network"]["name"]
        if network == "conv":
            return self.conv_decoder(z)
        flat = {"mlp": self.mlp, "gated-mlp": self.gated}[network]("decoder", z)
        return flat.reshape(len(z), *self.sizes["outputs"])

    def code(self, x):
        outputs = self.encoder(x)
        if self.parts["posterior"]["name"] == "dirac":
            return ACTIVATIONS[self.parts["posterior"]["activation"]](outputs)
        return np.split(outputs, 2, axis=1)[0]

    def kl(self, x):
        mean, raw = np.split(self.encoder(x), 2, axis=1)
        log_var = bounded(raw, 20)
        return 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)

    def mean(self, z):
        outputs = self.decode(z)[:, 0]
        return ACTIVATIONS["sigmoid"](outputs) if self.parts["likelihood"]["name"] == "bernoulli" else outputs

    def reconstruction(self, z, x):
        """−log p(x | z)."""
        outputs, likelihood = self.decode(z), self.parts["likelihood"]
        first = outputs[:, 0]
        if likelihood["name"] == "bernoulli":
            each = np.logaddexp(first, 0) - x * first
        elif likelihood["name"] == "gaussian":
            log_sigma = bounded(self.w["likelihood.log_sigma"], 6)
            each = 0.5 * ((x - first) * np.exp(-log_sigma)) ** 2 + log_sigma + 0.5 * np.log(2 * np.pi)
        else:
            log_scale = bounded(outputs[:, 1], 6)
            each = np.abs(x - first) * np.exp(-log_scale) + log_scale + np.log(2)
        return each.reshape(len(x), -1).sum(axis=1)


MODELS = {
    "vae": latente.VAE(2, hidden=(9, 5)),
    "ae": latente.AE(3, hidden=(8,), activation="gelu"),
    "conv": latente.VAE(2, network="conv", hidden=(3, 4), activation="elu", likelihood="gaussian", sigma="learned"),
    "gated": latente.VAE(
        2, network="gated-mlp", hidden=(6,), activation="tanh", likelihood="laplace", scale="per-value"
    ),
}


@pytest.fixture(scope="module", params=MODELS)
def trained(request, tmp_path_factory):
    run = latente.fit(MODELS[request.param], DATA, epochs=2, batch_size=8, learning_rate=0.02, seed=1)
    run.evaluate("test")
    return run, run.save(tmp_path_factory.mktemp("rebuilt") / request.param)


@pytest.mark.slow
def test_numpy_rebuilds_a_model_from_its_folder_and_the_documentation(trained):
    run, folder = trained
    rebuilt, stored = Rebuilt(folder), DATA.test.x
    scale = load_file(folder / "scale.safetensors")
    x = stored * scale["multiplier"].astype(np.float64) + scale["offset"]
    known = load_file(folder / "per_example.safetensors")
    close = {"rel": 1e-5, "abs": 1e-5}
    z = rebuilt.code(x)
    assert z == pytest.approx(run.encode(stored), **close)
    assert rebuilt.mean(z) == pytest.approx(run.reconstruct(stored), **close)
    scored = [float(run.model.log_prob(*pair)) for pair in zip(z.astype("f4"), x.astype("f4"), strict=True)]
    assert rebuilt.reconstruction(z, x) == pytest.approx(-np.array(scored), **close)
    if rebuilt.parts["posterior"]["name"] == "dirac":
        assert rebuilt.reconstruction(z, x) == pytest.approx(known["test.loss"], **close)
        assert ((rebuilt.mean(z) - x) ** 2).mean(axis=(1, 2)) == pytest.approx(known["test.mse"], **close)
    else:
        assert rebuilt.kl(x) == pytest.approx(known["test.kl"], **close)


def test_every_option_of_every_part_is_written_out(trained):
    run, folder = trained
    spec = json.loads((folder / "spec.json").read_text())
    assert set(spec["parts"]) == {"network", "posterior", "prior", "likelihood", "objective"}
    assert spec["parts"]["likelihood"] in (
        {"name": "bernoulli", "binarise": "none"},
        {"name": "gaussian", "sigma": "learned"},
        {"name": "laplace", "scale": "per-value"},
    )
    assert spec["sizes"]["shape"] == [7, 6]
    assert latente.load(folder).spec == run.spec


@pytest.mark.slow
def test_a_key_that_is_missing_is_named_with_what_is_assumed(tmp_path):
    run = latente.fit(latente.VAE(2, hidden=(4,), activation="tanh"), DATA, epochs=1, batch_size=8)
    folder = run.save(tmp_path / "run")
    (folder / "manifest.json").unlink()
    spec = json.loads((folder / "spec.json").read_text())

    def written(**changes):
        (folder / "spec.json").write_text(json.dumps({**spec, **changes}))

    def without(section, key):
        return {section: {k: v for k, v in spec[section].items() if k != key}}

    written(**without("model", "activation"))
    with pytest.raises(StoreError, match=r".*spec\.json has no model\.activation; put back"):
        latente.load(folder)
    # A folder of the form before this one: what came later is what was done then.
    old = {k: v for k, v in spec.items() if k not in ("format", "parts", "sizes")}
    first = ("source", "validation", "test", "seed", "scale", "missing", "condition", "without")
    old["data"] = {k: v for k, v in spec["data"].items() if k in first}
    (folder / "spec.json").write_text(json.dumps(old))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert latente.load(folder).spec == run.spec
    (folder / "spec.json").write_text(
        json.dumps({**old, **without("model", "activation"), **without("train", "beta2")})
    )
    with pytest.warns(
        LatenteWarning,
        match=r'has no model\.activation, train\.beta2; assumed: model\.activation = "relu", train\.beta2 = 0\.999',
    ):
        assert latente.load(folder).spec.model.activation == "relu"
    written(format=3)
    with pytest.raises(StoreError, match=r"spec\.json is of format 3, and this latente reads 1 to 2"):
        latente.load(folder)
