"""A study's runs with random weights and numbers of which each is another, for its report."""

import hashlib

import numpy as np
from made import built

from latente.evaluation.evaluate import METRICS, Metric
from latente.evaluation.run import Run
from latente.objective.presets import AE, VAE
from latente.spec import RunSpec, TrainSpec

HIDDEN = (8,)
EPOCHS = 3


def value(name, seed, split, metric):
    """A made-up number, different for each place it may stand in."""
    digest = hashlib.sha256(f"{name} {split} {metric}".encode()).digest()
    return Metric(100 + digest[0] + digest[1] / 256 + seed, 0.5 + digest[2] / 1024)


def run(data, name, model, seed=0, epochs=EPOCHS):
    """A run with random weights and made-up numbers: training would say nothing more about a report."""
    spec = RunSpec(name, seed, model, TrainSpec(epochs=epochs, batch_size=16), data.spec)
    history = {k: np.float32([200, 150, 120][:epochs]) + seed for k in ("loss", "reconstruction")}
    history["kl"] = np.float32([0, 0, 0] if model.prior == "none" else [1, 2, 3])[:epochs]
    history |= {f"val_{k}": v + 1 for k, v in history.items()}
    history["learning_rate"] = np.full(epochs, 1e-3, np.float32)
    metrics = {}
    for split in ("test", "validation", "train"):
        metrics[split] = {m: value(name, seed, split, m) for m in reversed(METRICS)}
        if model.prior == "none":
            metrics[split] |= {"kl": Metric(0.0, 0.0), "loss": metrics[split]["reconstruction"]}
    frames = None
    if data.is_image:
        shown = data.validation.x[:8]
        frames = np.random.default_rng(seed).integers(0, 256, (epochs, *shown.shape)).astype(np.uint8)
    return Run(spec, built(spec, data.shape), history, frames, 1.5, data.card(), metrics, data)


def runs_of(data, models, seeds=(0,)):
    return [run(data, name, model, seed) for name, model in models.items() for seed in seeds]


NOTEBOOK = {
    "vae": VAE(2, hidden=(8, 4)),
    "ae": AE(3, hidden=HIDDEN),
    "latent-2": VAE(2, hidden=HIDDEN),
    "latent-8": VAE(8, hidden=HIDDEN),
    "ae-2": AE(2, hidden=HIDDEN, code_activation="linear"),
    "ae-8": AE(8, hidden=HIDDEN, code_activation="linear"),
}
