"""Time from a cold start to the end of ``VAE(latent_dim=8).fit(X)`` on 5,000 digits, beside PyTorch and skorch.

    python benchmarks/estimator.py            # all of it; --pairs 5, --skip-torch

Each fit is a process of its own, without a cache of compiled programs; latente's and the peer's take turns, and the
figure is the median of the paired ratios. Then, in one process each, `transform` of 100,000 rows of 784 numbers, and
what the estimator adds to the bare `latente.fit` of the same model and data. PyTorch gets a separate environment next
to this file, made once, unless --python names one that has torch and skorch.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).parent
EPOCHS = 28
"""What the estimator trains 4,500 rows for by default."""

FIT = """
import time; began = time.perf_counter()
import sys, numpy as np
from latente.sklearn import VAE
model = VAE(latent_dim=8, epochs=int(sys.argv[2]), random_state=0).fit(np.load(sys.argv[1]))
print("seconds", time.perf_counter() - began, time.process_time(), model.run_.history["val_loss"].min())
"""

TRANSFORM = """
import sys, time, numpy as np
from latente.sklearn import VAE
x = np.load(sys.argv[1])
model = VAE(latent_dim=8, epochs=1, random_state=0).fit(x)
big = np.tile(x, (20, 1)).astype(np.float32)
model.transform(big[:2000])
for _ in range(3):
    began = time.perf_counter(), time.process_time()
    model.transform(big)
    print("seconds", time.perf_counter() - began[0], time.process_time() - began[1])
"""

OVERHEAD = """
import dataclasses, sys, time, numpy as np, latente
from latente.sklearn import VAE
x = np.load(sys.argv[1])
estimator = VAE(latent_dim=8, epochs=int(sys.argv[2]), random_state=0)
run = estimator.fit(x).run_
train = {f.name: getattr(run.spec.train, f.name) for f in dataclasses.fields(run.spec.train)}
latente.fit(run.spec.model, run.data, progress=False, **train)

def bare():
    data = latente.load_data(x.reshape(-1, 28, 28), validation=0.1, test=0.0, seed=0)
    latente.fit(run.spec.model, data, progress=False, **train)

def clock(work):
    began = time.process_time()
    work()
    return time.process_time() - began

bare()
for _ in range(7):
    a, b = clock(lambda: estimator.fit(x)), clock(bare)
    print("seconds", a, b)
"""


def torch_python():
    folder = HERE / ".venv-torch"
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        print("making an environment for PyTorch (once) ...", file=sys.stderr)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "torch", "skorch", "scikit-learn"], check=True)
        (folder / ".ready").touch()
    return str(python)


def measured(command):
    """The numbers of each line that begins with "seconds"."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_COMPILATION_CACHE")}
    out = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True, env=environment).stdout
    return [[float(v) for v in line.split()[1:]] for line in out.splitlines() if line.startswith("seconds")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--python", help="an interpreter that has torch and skorch")
    parser.add_argument("--skip-torch", action="store_true")
    parser.add_argument("--out", type=Path, default=HERE / "estimator.json")
    arguments = parser.parse_args()
    found = {"machine": platform.machine(), "processors": os.cpu_count(), "epochs": arguments.epochs}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "digits.npy"
        import numpy as np

        from latente.data.load import find_source

        x = find_source("mnist-5k").x
        np.save(data, x.reshape(len(x), -1))
        if not arguments.skip_torch:
            peer = [arguments.python or torch_python(), HERE / "estimator_skorch.py", data, arguments.epochs]
            pairs = []
            for _ in range(arguments.pairs):
                ours = measured([sys.executable, "-c", FIT, data, arguments.epochs])[0]
                theirs = measured(peer)[0]
                pairs.append((ours, theirs))
                for name, (wall, processor, loss) in (("latente", ours), ("skorch", theirs)):
                    print(f"{name}: {wall:.1f} s, {processor:.1f} s of processors, validation loss {loss:.1f}")
            found["cold_fit"] = {
                "latente": [o for o, _ in pairs], "skorch": [t for _, t in pairs],
                "ratio_wall": statistics.median(o[0] / t[0] for o, t in pairs),
                "ratio_processor": statistics.median(o[1] / t[1] for o, t in pairs),
            }  # fmt: skip
        times = measured([sys.executable, "-c", TRANSFORM, data])
        found["transform_100000"] = {"wall": min(t[0] for t in times), "processor": min(t[1] for t in times)}
        both = measured([sys.executable, "-c", OVERHEAD, data, 5])
        found["estimator_over_bare_fit"] = statistics.median(a / b for a, b in both)
    print(json.dumps(found, indent=1))
    arguments.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
