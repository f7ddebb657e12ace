"""How far apart models with the same training and different seeds are, in units of the spread over examples.

Nine models, five seeds each, on the digits that come with latente (about ten minutes on one core):

    python benchmarks/seed_spread.py [FOLDER]

`latente.analysis.power.TYPICAL` comes from here.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

import latente

STUDY = """
seeds = 5
[data]
source = "mnist-5k"
[runs.vae]
name = "zoo"
preset = ["VAE", "BetaVAE", "FreeBitsVAE", "IWAE", "IAFVAE", "VampVAE", "AE", "WAE", "VQVAE"]
latent_dim = 10
hidden = [256, 128]
likelihood = { name = "bernoulli", binarise = "static" }
train = { epochs = { at_least = 5, steps = 500 } }
"""
NUMBERS = ("loss", "reconstruction", "mse")


def ratio(rows: np.ndarray) -> float:
    """The standard deviation of the difference of two seeds' means, over that of the difference for one example.

    Args:
        rows: the value for each seed and example, shape (seeds, n).
    """
    pairs = itertools.combinations(range(len(rows)), 2)
    over_examples = np.mean([(rows[i] - rows[j]).var(ddof=1) for i, j in pairs])
    return float(np.sqrt(2 * rows.mean(axis=1).var(ddof=1) / over_examples))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()) / "study"
    if not folder.exists():
        file = folder.with_suffix(".toml")
        file.write_text(STUDY)
        latente.run_study(file, out=folder)
    found = defaultdict(list)
    for model in sorted((folder / "runs").iterdir()):
        runs = [latente.load(run) for run in sorted(model.iterdir())]
        for number in NUMBERS:
            rows = np.stack([np.asarray(run.known_examples("test")[number], np.float64) for run in runs])
            found[number].append(ratio(rows))
        print(model.name, *(f"{number} {found[number][-1]:.3f}" for number in NUMBERS))
    for number, ratios in found.items():
        print(f"{number}: root mean square {np.sqrt(np.mean(np.square(ratios))):.2f}, median {np.median(ratios):.2f}")


if __name__ == "__main__":
    main()
