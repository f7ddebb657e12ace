"""Anomalies: the column at fault, p-values on unseen inliers, and detection beside PyOD and scikit-learn.

    python benchmarks/anomaly.py [faults] [conformal] [detect] [show] [--python PYOD] [--seeds 5] [--repetitions 500]

Results go to `anomaly.json` beside this file, one entry for each table and seed: what is there is not done again, and
`show` prints the tables of README.md from it. PyOD runs in an environment of its own that is made once, or that
--python names.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import venv
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd
from mlxtend.data import autompg_data, boston_housing_data
from scipy.stats import t as student
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

from latente.compiling import jit
from latente.evaluation import latent
from latente.evaluation.outliers.anomaly_scores import squared_error
from latente.evaluation.outliers.explain import codes_and_terms, parts_of
from latente.sklearn import OutlierDetector

HERE = Path(__file__).parent
RESULTS = HERE / "anomaly.json"


# Tables


def real_tables():
    """Real tables with their columns' kinds; classes are columns too."""
    iris, wine, cancer = load_iris(), load_wine(), load_breast_cancer()
    diabetes = load_diabetes(scaled=False).data.copy()
    diabetes[:, 1] -= 1
    cars = np.c_[autompg_data()[0][:, :7].astype(float), autompg_data()[1]]
    cars[:, 0] = np.searchsorted([3, 4, 5, 6, 8], cars[:, 0])
    cars[:, 6] -= 1
    houses = np.c_[boston_housing_data()[0].astype(float), boston_housing_data()[1]]
    real, classes = "real", "categorical:3"
    return {
        "iris": (np.c_[iris.data, iris.target], [real] * 4 + [classes]),
        "wine": (np.c_[wine.data, wine.target], [real] * 13 + [classes]),
        "breast cancer": (np.c_[cancer.data, cancer.target], [real] * 30 + ["binary"]),
        "diabetes": (diabetes, [real, "binary"] + [real] * 8),
        "cars": (cars, ["categorical:5"] + [real] * 5 + [classes, real]),
        "Boston": (houses, [real] * 3 + ["binary"] + [real] * 10),
    }


def detection_tables(seed):
    """Inliers and outliers of eight tables: a class that is left out, or rows a third of whose cells are another's."""
    iris, wine, cancer, digits = load_iris(), load_wine(), load_breast_cancer(), load_digits()
    tables = real_tables()
    numbers = {name: x[:, [k == "real" for k in kinds]] for name, (x, kinds) in tables.items()}
    found = {
        "iris: virginica": (iris.data[iris.target < 2], iris.data[iris.target == 2]),
        "wine: third cultivar": (wine.data[wine.target < 2], wine.data[wine.target == 2]),
        "breast cancer: malignant": (cancer.data[cancer.target == 1], cancer.data[cancer.target == 0]),
        "digits: 0": (digits.data[digits.target > 0], digits.data[digits.target == 0]),
    }
    for name in ("wine", "diabetes", "cars", "Boston"):
        rng = np.random.default_rng([seed, len(name)])
        x = numbers[name]
        chosen = rng.permutation(len(x))
        odd, rest = chosen[: len(x) // 5], chosen[len(x) // 5 :]
        rows = x[odd].copy()
        for row in rows:
            cells = rng.choice(x.shape[1], max(1, round(x.shape[1] / 3)), replace=False)
            row[cells] = x[rng.choice(rest), cells]
        found[f"{name}: cells of another row"] = (x[rest], rows)
    return found


def split(n, seed, share):
    order = np.random.default_rng(seed).permutation(n)
    return order[: round(share * n)], order[round(share * n) :]


# The column at fault

FAULTS = ("shift", "tail", "category")
TELLING = {("iris", 4), ("wine", 13), ("breast cancer", 30), ("cars", 0)}
"""Columns of categories that the others tell. What sex somebody has, the other columns of diabetes do not say, nor
which house is by the river or which country a car is from."""


def plant(name, x, train, kinds, rng):
    """A fault in one random column of each row; which column, and what was done.

    A number is moved by five standard deviations, or becomes that of another row: one of the outermost 2% at the end of
    the column that is farther away. A category becomes another.
    """
    faulty = x.copy()
    usable = [c for c, k in enumerate(kinds) if k == "real" or (name, c) in TELLING]
    columns, done = rng.choice(usable, len(x)), []
    for row, c in zip(faulty, columns, strict=True):
        if kinds[c] != "real":
            done.append("category")
            count = 2 if kinds[c] == "binary" else int(kinds[c].split(":")[1])
            row[c] = rng.choice([v for v in range(count) if v != row[c]])
            continue
        done.append(str(rng.choice(["shift", "tail"])))
        if done[-1] == "shift":
            row[c] += rng.choice([-5, 5]) * train[:, c].std()
        else:
            ordered = np.sort(train[:, c])
            few = max(1, len(ordered) // 50)
            low = row[c] - ordered[0] > ordered[-1] - row[c]
            row[c] = rng.choice(ordered[:few] if low else ordered[-few:])
    return faulty, columns, np.array(done)


@jit
def other_splits(model, x, key, parts):
    """−log p(x_d | the rest) by the same codes as the split that is used, and the plain terms of the bound."""

    def one(row):
        log_w, terms = codes_and_terms(model, row, None, key, parts, 640)
        whole = jax.nn.logsumexp(log_w + terms.sum(axis=1))
        rest = jax.vmap(lambda d: jax.nn.logsumexp(log_w + terms.sum(axis=1) - terms[:, d]))(jnp.arange(len(parts)))
        outputs = model.encode(row)
        codes = jax.vmap(lambda k: model.posterior.draw(outputs, key=k)[0])(jr.split(key, 32))
        plain = jax.vmap(lambda z: model.likelihood.log_probs(model.decode(z), row))(codes)
        return rest - whole, -plain.mean(axis=0)

    return jax.lax.map(one, x)


def as_frame(x, kinds):
    """Numbers, and categories as texts, as people have them."""
    columns = [
        x[:, j] if k == "real" else np.array([f"c{v:.0f}" for v in x[:, j]], object) for j, k in enumerate(kinds)
    ]
    return pd.DataFrame({f"x{j}": c for j, c in enumerate(columns)})


def faults(seed):
    for name, (x, kinds) in real_tables().items():

        def work(name=name, x=x, kinds=kinds):
            inside, outside = split(len(x), seed, 0.8)
            train = x[inside]
            named = {f"x{j}": "real" for j, k in enumerate(kinds) if k == "real"}
            detector = OutlierDetector(kinds=named, random_state=seed).fit(as_frame(train, kinds))
            model, rng = detector.run_.model, np.random.default_rng(seed)
            rows = np.tile(x[outside], (max(1, 200 // len(outside)), 1))
            faulty, columns, done = plant(name, rows, train, kinds, rng)
            usual_rows, values = (detector._values(as_frame(a, kinds)) for a in (train[:200], faulty))
            assert values.shape[1] == len(kinds)
            key, parts = jr.key(seed), parts_of((len(kinds),))
            usual = [np.median(np.asarray(a), axis=0) for a in other_splits(model, usual_rows, key, parts)]
            conditional, plain = (np.asarray(a) for a in other_splits(model, values, key, parts))
            mean, sd = train.mean(axis=0), train.std(axis=0)
            by = {
                "Shapley": detector.explain(as_frame(faulty, kinds)).to_numpy(),
                "given the rest": conditional - usual[0],
                "terms of the bound": plain - usual[1],
                "squared error": np.asarray(model.likelihood.residual(values, latent.reconstruct(model, values))) ** 2,
                "z-score": np.abs((faulty - mean) / sd),
            }
            first = {method: by_column.argmax(axis=1) == columns for method, by_column in by.items()}
            return {
                method: {how: [int(hit[done == how].sum()), int((done == how).sum())] for how in FAULTS}
                for method, hit in first.items()
            }

        yield f"faults/{name}/{seed}", work


# P-values on unseen inliers

LEVELS = (0.01, 0.05, 0.1)


def conformal(repetitions):
    x = load_diabetes(scaled=False).data.astype(np.float32)
    for at in range(0, repetitions, 50):

        def work(at=at):
            found = []
            for seed in range(at, min(at + 50, repetitions)):
                inside, outside = split(len(x), seed, 0.7)
                detector = OutlierDetector(random_state=seed, epochs=20, hidden=(16,)).fit(x[inside])
                p = detector.p_values(x[outside])
                found.append([float((p <= level).mean()) for level in LEVELS])
            return found

        yield f"conformal/diabetes/{at}", work


# Detection

OURS = "latente"


def detect(seed, folder):
    for name, (inliers, outliers) in detection_tables(seed).items():
        inside, outside = split(len(inliers), seed, 0.6)
        train = inliers[inside].astype(np.float32)
        test = np.concatenate([inliers[outside], outliers]).astype(np.float32)
        odd = np.arange(len(test)) >= len(outside)
        file = folder / f"{name.replace(':', '').replace(' ', '_')}-{seed}.npz"
        np.savez(file, train=train, test=test)

        def work(train=train, test=test, odd=odd, file=file):
            # Pixels of digits are numbers to all of them.
            detector = OutlierDetector(random_state=seed, image_shape=False).fit(train)
            model = detector.run_.model
            values = detector._values(test)
            error = squared_error(values, latent.reconstruct(model, values), model.likelihood)
            forest = IsolationForest(random_state=seed).fit(train)
            by = {
                OURS: -detector.score_samples(test),
                "squared error of the same model": error,
                "scikit-learn IsolationForest": -forest.score_samples(test),
            }
            with np.load(file.with_suffix(".out.npz")) as peers:
                by |= {method: peers[method] for method in peers.files}
            return {
                method: [float(roc_auc_score(odd, s)), float(average_precision_score(odd, s))]
                for method, s in by.items()
            }

        yield f"detect/{name}/{seed}", work


def pyod_python():
    folder = HERE / ".venv-pyod"
    if not (folder / ".ready").exists():
        print("making an environment for PyOD (once) ...", file=sys.stderr)
        venv.create(folder, with_pip=True)
        packages = ["pyod==3.6.7", "torch"]
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", *packages], check=True)
        (folder / ".ready").touch()
    return str(folder / "bin" / "python")


# All of it


def known():
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def do(jobs):
    for key, work in jobs:
        if key in known():
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = work()
        RESULTS.write_text(json.dumps(dict(sorted((known() | {key: result}).items())), indent=1) + "\n")
        print(key, flush=True)


def entries(part):
    found = {}
    for key, value in known().items():
        kind, name, number = key.split("/")
        if kind == part:
            found.setdefault(name, {})[int(number)] = value
    return found


def interval(values):
    values = np.asarray(values, float)
    half = (
        student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    )
    return float(values.mean()), float(half)


def show():
    found = entries("faults")
    methods = list(next(iter(next(iter(found.values())).values()))) if found else []
    total = {m: np.zeros((len(FAULTS), 2)) for m in methods}
    print("| table | seeds | rows | " + " | ".join(methods) + " |\n|---|---|---|" + "---|" * len(methods))
    for name, runs in found.items():
        counts = {m: np.sum([[r[m][how] for how in FAULTS] for r in runs.values()], axis=0) for m in methods}
        for m in methods:
            total[m] += counts[m]
        shares = [f"{counts[m][:, 0].sum() / counts[m][:, 1].sum():.3f}" for m in methods]
        print(f"| {name} | {len(runs)} | {counts[methods[0]][:, 1].sum():.0f} | " + " | ".join(shares) + " |")
    for i, how in enumerate(FAULTS):
        shares = [f"{total[m][i, 0] / total[m][i, 1]:.3f}" for m in methods]
        print(f"| all: {how} | | {total[methods[0]][i, 1]:.0f} | " + " | ".join(shares) + " |")
    shares = [f"**{total[m][:, 0].sum() / total[m][:, 1].sum():.3f}**" for m in methods]
    print(f"| **all** | | {total[methods[0]][:, 1].sum():.0f} | " + " | ".join(shares) + " |\n")

    rows = [row for runs in entries("conformal").values() for part in runs.values() for row in part]
    if rows:
        print("| level | share of unseen inliers flagged | repetitions |\n|---|---|---|")
        for level, values in zip(LEVELS, np.transpose(rows), strict=True):
            mean, half = interval(values)
            print(f"| {level} | {mean:.4f} ± {half:.4f} | {len(values)} |")
        print()

    found = entries("detect")
    for i, measure in enumerate(("AUROC", "average precision")):
        methods = list(next(iter(next(iter(found.values())).values()))) if found else []
        print(f"| {measure} | seeds | " + " | ".join(methods) + " |\n|---|---|" + "---|" * len(methods))
        for name, runs in found.items():
            cells = []
            for m in methods:
                mean, half = interval([r[m][i] for r in runs.values()])
                cell = f"{mean:.3f}" + (f" ± {half:.3f}" if len(runs) > 2 else "")
                if m != OURS and len(runs) > 2:
                    gain, error = interval([r[OURS][i] - r[m][i] for r in runs.values()])
                    cell += " ↓" if gain > error else " **↑**" if -gain > error else ""
                cells.append(cell)
            print(f"| {name} | {len(runs)} | " + " | ".join(cells) + " |")
        print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["faults", "conformal", "detect", "show"])
    parser.add_argument("--python")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--repetitions", type=int, default=500)
    options = parser.parse_args()
    if "faults" in options.parts:
        for seed in range(options.seeds):
            do(faults(seed))
    if "conformal" in options.parts:
        do(conformal(options.repetitions))
    if "detect" in options.parts:
        with tempfile.TemporaryDirectory() as folder:
            jobs = [job for seed in range(options.seeds) for job in detect(seed, Path(folder))]
            if any(key not in known() for key, _ in jobs):
                subprocess.run([options.python or pyod_python(), HERE / "anomaly_pyod.py", folder], check=True)
            do(jobs)
    if "show" in options.parts:
        show()


if __name__ == "__main__":
    main()
