"""Importance-weighted NLL of the notebook's VAE, against its decoder's matrix products and against pythae's get_nll.

    python benchmarks/nll.py [--images 1000] [--samples 1000] [--latents 2 50] [--incumbent] [--write]

They take turns on one machine: latente's bound; only the decoder's matrix products, for as many codes in blocks of the
same size, in NumPy's BLAS and in XLA; and, with --incumbent, pythae 0.1.2 without gradients at its best batch size, on
fewer images, in a separate environment that is made once (or that --python names). Weights and images are random,
because time does not depend on them. The best turn of each counts; the peak memory is that of the whole process.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
import venv
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

import latente
from latente.evaluation.batching import MEMORY, codes_at_once
from latente.evaluation.likelihood.importance import IMAGES, nll
from latente.model.build import build
from latente.training.examples import Examples, Scale

HERE = Path(__file__).parent
SHAPE, HIDDEN = (28, 28), (256, 128)


def pythae_python():
    folder = HERE / ".venv-pythae"
    if not (folder / ".ready").exists():
        print("making an environment for pythae (once) ...", file=sys.stderr)
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "pythae==0.1.2"], check=True)
        (folder / ".ready").touch()
    return str(folder / "bin" / "python")


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def products(latents, codes, block):
    """The decoder's matrix products for this many codes, in blocks: by NumPy, and by XLA in a single program."""
    sizes = (latents, *reversed(HIDDEN), SHAPE[0] * SHAPE[1])
    weights = [np.random.default_rng(0).normal(size=s).astype(np.float32) for s in pairwise(sizes)]
    z = np.random.default_rng(1).normal(size=(block, latents)).astype(np.float32)
    steps = codes // block

    def numpy_():
        for _ in range(steps):
            h = z
            for w in weights:
                h = h @ w

    @jax.jit
    def xla(z, weights):
        def step(total, _):
            # The sum is added to the codes, so that no product can be optimised away.
            h = z + 1e-20 * total
            for w in weights:
                h = h @ w
            return jnp.sum(h), None

        return jax.lax.scan(step, jnp.zeros(()), None, length=steps)[0]

    arrays = jnp.asarray(z), [jnp.asarray(w) for w in weights]
    return numpy_, lambda: xla(*arrays).block_until_ready()


class Incumbent:
    def __init__(self, python, latents, samples, images):
        command = [python, str(HERE / "nll_pythae.py"), str(latents), str(samples), str(images)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def turn(self):
        """Seconds per image, at the best batch size."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("seconds"):
                return float(line.split()[1])
        raise SystemExit(f"{self.process.args} ended early with code {self.process.wait()}")


def measure(latents, options):
    model = build(latente.VAE(latents, hidden=HIDDEN), SHAPE, key=jr.key(0))
    images = np.random.default_rng(0).integers(0, 2, (options.images, *SHAPE)).astype(np.float32)
    examples, scale = Examples(jnp.asarray(images)), Scale(jnp.ones(()), jnp.zeros(()), False)
    codes, block = options.images * options.samples, codes_at_once(model, MEMORY) // IMAGES * IMAGES
    by_numpy, by_xla = products(latents, codes // 10, block)
    turns = {
        "latente": lambda: nll(model, scale, examples, samples=options.samples),
        "products_numpy": lambda: by_numpy(),
        "products_xla": lambda: by_xla(),
    }
    for warm in turns.values():
        warm()
    pythae = (
        Incumbent(options.python, latents, options.samples, options.incumbent_images) if options.incumbent else None
    )
    found = {name: [] for name in turns} | ({"pythae": []} if pythae else {})
    for turn in range(options.turns):
        for name, function in turns.items():
            found[name].append(seconds(function) * (1 if name == "latente" else 10))
        if pythae:
            found["pythae"].append(pythae.turn() * options.images)
        times = ", ".join(f"{name} {values[-1]:.2f}" for name, values in found.items())
        print(f"latents {latents}, turn {turn + 1}: seconds for {options.images:,} images: {times}", file=sys.stderr)
    best = {name: min(values) for name, values in found.items()}
    row = {"latents": latents, "seconds": best, "of_the_limit": best["products_numpy"] / best["latente"]}
    row["microseconds_a_code"] = 1e6 * best["latente"] / codes
    if pythae:
        ratios = [p / o for p, o in zip(found["pythae"], found["latente"], strict=True)]
        row["times_faster_than_pythae"] = statistics.median(ratios)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=1000, help="K (1000)")
    parser.add_argument("--latents", type=int, nargs="+", default=[2, 50])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--incumbent", action="store_true", help="also time pythae")
    parser.add_argument("--incumbent-images", type=int, default=20, help="on this many images (20)")
    parser.add_argument("--python", default="", help="an interpreter with pythae (by default one is made)")
    parser.add_argument("--write", action="store_true", help="write the figures to benchmarks/nll.json")
    options = parser.parse_args()
    if options.incumbent and not options.python:
        options.python = pythae_python()
    rows = [measure(latents, options) for latents in options.latents]
    for row in rows:
        s = row["seconds"]
        print(
            f"{row['latents']:>3} latents: {s['latente']:.2f} s, {row['microseconds_a_code']:.2f} μs a code; the "
            f"products alone {s['products_numpy']:.2f} s in BLAS, {s['products_xla']:.2f} s in XLA: "
            f"{row['of_the_limit']:.0%} of the limit"
            + (f"; {row['times_faster_than_pythae']:.1f} times faster than pythae" if "pythae" in s else "")
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:,.0f} MiB")
    if options.write:
        versions = {"latente": latente.__version__, "jax": jax.__version__, "numpy": np.__version__}
        about = {"images": options.images, "samples": options.samples, "turns": options.turns, "peak_mib": round(peak)}
        machine = {"processors": os.cpu_count(), "platform": platform.machine(), "versions": versions}
        (HERE / "nll.json").write_text(json.dumps({"rows": rows, **about, **machine}, indent=2) + "\n")


if __name__ == "__main__":
    main()
