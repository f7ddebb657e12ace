"""The time of an epoch (training and validation) of the notebook's VAE: latente against the notebook's own Keras code.

    python benchmarks/vs_keras.py path/to/mnist.npz

The two processes take turns on the same machine, an epoch each, so that changes of its speed affect both; the figure is
the median of the paired ratios. Keras gets a separate environment next to this file, made once. It needs the full MNIST
in Keras's layout (x_train, y_train, x_test, y_test).
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent


def keras_python():
    folder = HERE / ".venv-keras"
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        print("making an environment for Keras (once) ...", file=sys.stderr)
        venv.create(folder, with_pip=True)
        packages = ["tensorflow-cpu>=2.16", "keras>=3", "scikit-learn", "numpy"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        (folder / ".ready").touch()
    return str(python)


class Worker:
    def __init__(self, python, script, data, epochs):
        command = [python, str(HERE / script), str(data), str(epochs)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def answer(self, word):
        for line in self.process.stdout:
            if line.startswith(word):
                return [float(v) for v in line.split()[1:]]
        raise SystemExit(f"{self.process.args} ended early with code {self.process.wait()}")

    def turn(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.answer("seconds")

    def peak(self):
        return self.answer("peak")[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=int, default=15, help="paired epochs, after one for compilation (15)")
    parser.add_argument("--keras-python", help="a Python with tensorflow, keras and scikit-learn")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    a = parser.parse_args()
    latente = Worker(sys.executable, "notebook_latente.py", a.data.resolve(), a.epochs + 1)
    keras = Worker(a.keras_python or keras_python(), "notebook_keras.py", a.data.resolve(), a.epochs + 1)
    pairs = [(latente.turn(), keras.turn()) for _ in range(a.epochs + 1)]
    memory = latente.peak(), keras.peak()
    counted = pairs[1:]
    ratios = [k[0] / m[0] for m, k in counted]
    figures = {
        "latente_seconds": statistics.median(m[0] for m, _ in counted),
        "keras_seconds": statistics.median(k[0] for _, k in counted),
        "ratio_median": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "latente_peak_mib": memory[0],
        "keras_peak_mib": memory[1],
        "memory_share": memory[0] / memory[1],
        "latente_val_loss": counted[-1][0][1],
        "keras_val_loss": counted[-1][1][1],
        "epochs": a.epochs,
        "processors": os.cpu_count(),
        "python": platform.python_version(),
    }
    for name, value in figures.items():
        print(f"{name:18} {value:.3f}" if isinstance(value, float) else f"{name:18} {value}")
    if a.json:
        a.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
