"""PyOD's detectors on splits that `anomaly.py` wrote; run by it, in an environment that has PyOD 3 and PyTorch.

    python anomaly_pyod.py FOLDER

FOLDER has files NAME-SEED.npz with `train` and `test`; each that has no NAME-SEED.out.npz yet gets one: a score for
each row of `test`, higher for what is more anomalous, by the detector's name. Every detector has its own defaults;
columns are standardised by `train` before, as PyOD's examples do.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from pyod.models.auto_encoder import AutoEncoder
from pyod.models.ecod import ECOD
from pyod.models.iforest import IForest
from pyod.models.vae import VAE

torch.set_num_threads(1)


def scores(train, test, seed):
    mean, sd = train.mean(axis=0), train.std(axis=0)
    train, test = ((x - mean) / np.where(sd > 0, sd, 1) for x in (train, test))
    detectors = {
        "PyOD AutoEncoder": AutoEncoder(random_state=seed, verbose=0),
        "PyOD VAE": VAE(random_state=seed, verbose=0),
        "PyOD ECOD": ECOD(),
        "PyOD IForest": IForest(random_state=seed),
    }
    found = {}
    for name, detector in detectors.items():
        detector.fit(train)
        found[name] = np.asarray(detector.decision_function(test), np.float64)
    return found


for path in sorted(Path(sys.argv[1]).glob("*.npz"), key=lambda p: p.stem.split("-")[::-1]):
    out = path.with_suffix(".out.npz")
    if path.name.endswith(".out.npz") or out.exists():
        continue
    with np.load(path) as arrays:
        np.savez(out, **scores(arrays["train"], arrays["test"], int(path.stem.rpartition("-")[2])))
    print(path.stem, flush=True)
