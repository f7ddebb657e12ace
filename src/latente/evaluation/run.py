"""A trained model with its spec, data and numbers; saved to a folder and loaded from it."""

from __future__ import annotations

import csv
import dataclasses
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from numpy.typing import NDArray

from latente._version import __version__
from latente.atomic import read_json, write_json, write_text
from latente.data.load import ARRAYS, load_data
from latente.data.split import Data
from latente.errors import DataError, SpecError, StoreError
from latente.evaluation import latent
from latente.evaluation.evaluate import Metric, PerExample, per_example, summarise
from latente.model.autoencoder import Autoencoder, build
from latente.objective.objectives import objectives
from latente.spec import ModelSpec, RunSpec, TrainSpec, as_dict, run_from_dict
from latente.spec import build as build_spec
from latente.training import store
from latente.training.fit import History, OnEpoch
from latente.training.fit import fit as fit_run
from latente.training.step import Scale

Metrics = dict[str, dict[str, Metric]]
Floats = NDArray[np.float32]


@dataclass
class Run:
    """A trained model.

    Attributes:
        spec: what was done.
        model: the trained parts; its methods take one example.
        history: epoch means by name ("loss", "val_loss", …), each of shape (epochs,), in nats.
        frames: uint8 reconstructions of the first validation images over the epochs, or None.
        metrics: what was evaluated so far, by split and metric.
        seconds: time spent training.
        card: the data card.
    """

    spec: RunSpec
    model: Autoencoder
    history: History
    frames: NDArray[np.uint8] | None
    seconds: float
    card: dict[str, Any]
    metrics: Metrics = field(default_factory=dict)
    _data: Data | None = None

    @property
    def data(self) -> Data:
        """The data set, read again where the run was loaded from a folder.

        Raises:
            DataError: it is gone, or no longer what the run was trained on.
        """
        if self._data is None:
            s = self.spec.data
            if s.source == ARRAYS:
                raise DataError("this run was trained on arrays, which are not kept; load it with data=…")
            found = load_data(s.source, validation=s.validation, test=s.test, seed=s.seed, scale=s.scale)
            self._data = _same(found, self.card)
        return self._data

    def evaluate(self, split: str = "test") -> dict[str, Metric]:
        """Mean and standard error of every metric on "train", "validation" or "test".

        Evaluated once and kept: a second call gives the same numbers without looking again.
        """
        if split not in self.metrics:
            self.metrics[split] = summarise(self.per_example(split))
        return self.metrics[split]

    def per_example(self, split: str) -> PerExample:
        """Every metric for each example of a split, shape (n,) each (see `latente.evaluation.evaluate`)."""
        data = self.data
        scale = Scale(jnp.asarray(data.multiplier), jnp.asarray(data.offset), data.clip)
        return per_example(self.model, objectives.make(self.spec.model.objective), scale, data.part(split).x)

    def encode(self, x: NDArray[Any]) -> Floats:
        """Mean codes, shape (n, latent_dim), of examples x, shape (n, *shape): stored bytes or model values."""
        return latent.encode(self.model, self._values(x))

    def decode(self, z: NDArray[Any]) -> Floats:
        """Decoded means, shape (n, *shape), of codes z, shape (n, latent_dim).

        Raises:
            DataError: codes of another shape, or not finite.
        """
        z = np.asarray(z, np.float32)
        if z.ndim != 2 or z.shape[1] != self.model.latent_dim or not np.isfinite(z).all():
            raise DataError(f"codes: got shape {z.shape}; allowed: (n, {self.model.latent_dim}) of finite numbers")
        return latent.decode(self.model, z)

    def reconstruct(self, x: NDArray[Any]) -> Floats:
        """Decoded means at the mean codes of x, of its shape, as model values."""
        return latent.reconstruct(self.model, self._values(x))

    def sample(self, n: int = 16, *, seed: int = 0) -> Floats:
        """Decoded means of n codes from the prior, shape (n, *shape).

        Raises:
            SpecError: n below one, or a model without a prior.
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise SpecError(f"sample: got n = {n!r}; allowed: a whole number of at least 1")
        return latent.sample(self.model, n, seed=seed)

    def _values(self, x: NDArray[Any]) -> Floats:
        x = np.asarray(x)
        if x.ndim != len(self.model.shape) + 1 or x.shape[1:] != self.model.shape or len(x) == 0:
            raise DataError(f"examples: got shape {x.shape}; allowed: (n, {', '.join(map(str, self.model.shape))})")
        if x.dtype == np.uint8:
            return self.data.values(x)
        values = x.astype(np.float32)
        if not np.isfinite(values).all():
            raise DataError("examples: got NaN or infinite values; allowed: finite numbers")
        return values

    def save(self, path: str | Path) -> Path:
        """Write spec, weights, history, metrics and data card to a folder, each file in one step.

        Raises:
            StoreError: the folder holds something else, or cannot be written.
        """
        folder = Path(path)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise StoreError(f"{folder}: exists and is not empty; choose another place, for nothing is overwritten")
        self.write(folder)
        return folder

    def write(self, folder: Path) -> None:
        """As `save`, into a folder that may hold the files of this run already."""
        write_json(folder / "spec.json", {"latente": __version__, **as_dict(self.spec)})
        write_json(folder / "data.json", self.card)
        arrays = store.flatten(self.model, "")
        store.save_arrays(folder / "weights.safetensors", arrays, {"run": self.spec.name})
        if self.frames is not None:
            store.save_arrays(folder / "frames.safetensors", {"frames": self.frames}, {"run": self.spec.name})
        write_text(folder / "history.csv", _history_csv(self.history))
        write_json(folder / "times.json", {"training_seconds": self.seconds})
        # The metrics come last: a folder that has them is finished.
        write_json(
            folder / "metrics.json",
            {s: {k: dataclasses.asdict(m) for k, m in ms.items()} for s, ms in self.metrics.items()},
        )


def fit(
    model: ModelSpec,
    data: Data,
    *,
    epochs: int = 20,
    seed: int = 0,
    name: str = "run",
    checkpoint: str | Path | None = None,
    on_epoch: OnEpoch | None = None,
    **train: Any,
) -> Run:
    """Train one model.

    Args:
        model: for instance ``latente.VAE(latent_dim=2)``.
        data: from `latente.load_data`.
        epochs: passes over the training part.
        seed: of the weights, the order and the noise.
        name: what the run is called.
        checkpoint: a file to keep the state in; where it exists, training goes on from it.
        on_epoch: called with an `Epoch` after every epoch.
        train: any other field of `TrainSpec`, for instance ``batch_size=64`` or ``patience=5``.

    Raises:
        SpecError: a wrong value, or parts that do not pair.
        DataError: data the model cannot take.
        TrainingError: the loss stopped being finite.
    """
    if not isinstance(model, ModelSpec):
        raise SpecError(f"model: got {type(model).__name__}; allowed: a spec such as latente.VAE(latent_dim=2)")
    if not isinstance(data, Data):
        raise SpecError(f"data: got {type(data).__name__}; allowed: what latente.load_data(...) returns")
    spec = RunSpec(name, seed, model, build_spec(TrainSpec, {"epochs": epochs, **train}, "train"), data.spec)
    return train_run(spec, data, checkpoint=None if checkpoint is None else Path(checkpoint), on_epoch=on_epoch)


def train_run(spec: RunSpec, data: Data, *, checkpoint: Path | None = None, on_epoch: OnEpoch | None = None) -> Run:
    """Train what a spec says; see `latente.training.fit.fit`."""
    fitted = fit_run(spec, data, checkpoint=checkpoint, on_epoch=on_epoch)
    return Run(spec, fitted.model, fitted.history, fitted.frames, fitted.seconds, data.card(), _data=data)


def load(path: str | Path, *, data: Data | None = None) -> Run:
    """The run that `Run.save` or a study wrote.

    Args:
        path: the run's folder.
        data: its data set; otherwise it is read again from its source when it is first needed.

    Raises:
        StoreError: a file is missing, damaged or of another model.
        DataError: ``data`` is not what the run was trained on.
    """
    folder = Path(path)
    if not (folder / "spec.json").is_file():
        raise StoreError(f"{folder}: is not a run folder (it has no spec.json); a study's runs are in its runs/ folder")
    try:
        spec = run_from_dict({k: v for k, v in read_json(folder / "spec.json").items() if k != "latente"})
        card = read_json(folder / "data.json")
        shape = tuple(int(n) for n in card["shape"])
        metrics = {
            s: {k: Metric(float(m["value"]), float(m["standard_error"])) for k, m in ms.items()}
            for s, ms in read_json(folder / "metrics.json").items()
        }
        seconds = float(read_json(folder / "times.json")["training_seconds"])
    except (SpecError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise StoreError(f"{folder}: is damaged or of another version of latente ({error})") from None
    weights, _ = store.load_arrays(folder / "weights.safetensors")
    template = eqx.filter_eval_shape(build, spec.model, shape, key=jr.key(0))
    model = store.unflatten(template, weights, "", str(folder / "weights.safetensors"))
    frames = folder / "frames.safetensors"
    shown = store.load_arrays(frames)[0]["frames"] if frames.exists() else None
    history = _read_history(folder / "history.csv")
    kept = None if data is None else _same(data, card)
    return Run(spec, model, history, shown, seconds, card, metrics, kept)


def _same(data: Data, card: dict[str, Any]) -> Data:
    if data.fingerprint != card["fingerprint"]:
        raise DataError(
            f"{data.name}: is not the data the run was trained on (fingerprint {data.fingerprint[:12]}, "
            f"then {str(card['fingerprint'])[:12]}); give the same data and split"
        )
    return data


def _history_csv(history: History) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["epoch", *history])
    for epoch, row in enumerate(zip(*history.values(), strict=True), 1):
        # Nine digits bring every float32 back exactly.
        rows.writerow([epoch, *(f"{v:.9g}" for v in row)])
    return out.getvalue()


def _read_history(path: Path) -> History:
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        columns = zip(*rows[1:], strict=True)
        found = dict(zip(rows[0], (np.array(c, np.float32) for c in columns), strict=True))
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, IndexError) as error:
        raise StoreError(f"{path}: is damaged ({error})") from None
    found.pop("epoch", None)
    return found
