"""Synthetic tables: how like they are to real ones, and how long a large table takes to fit.

    python benchmarks/tables.py quality [--seeds 3]     # scikit-learn's tables, with categories and holes made of them
    python benchmarks/tables.py speed [--rows 100000]   # 30 mixed columns; processor and wall-clock seconds

Quality is measured on rows held out (30%), the same for both methods: `TableSynthesizer` as it is, and a bootstrap of
each column on its own, which has the right columns and no association. Prints JSON.
"""

import argparse
import json
import os
import resource
import time
import warnings

import numpy as np
import pandas as pd

from latente.analysis.table_quality import table_quality
from latente.data.table_schema import learn
from latente.sklearn import TableSynthesizer
from sklearn import datasets


def with_holes(table, share, seed=0):
    return table.mask(np.random.default_rng(seed).random(table.shape) < share)


def wine():
    w = datasets.load_wine(as_frame=True)
    x = w.data.assign(cultivar=w.target_names[w.target], proline=w.data["proline"].astype(int))
    x["tint"] = pd.cut(x["color_intensity"], [0, 3.5, 6, 99], labels=["pale", "mid", "dark"])
    return with_holes(x, 0.03)


def cancer():
    w = datasets.load_breast_cancer(as_frame=True)
    return with_holes(w.data.assign(diagnosis=w.target_names[w.target]), 0.02)


def diabetes():
    x = datasets.load_diabetes(as_frame=True, scaled=False).frame
    return with_holes(x.assign(sex=np.where(x["sex"] == 1, "f", "m"), age=x["age"].astype(int)), 0.03)


def iris():
    w = datasets.load_iris(as_frame=True)
    return with_holes(w.data.assign(species=w.target_names[w.target]), 0.03)


TABLES = {f.__name__: f for f in (wine, cancer, diabetes, iris)}


def large(rows, seed=0):
    """30 mixed columns of four causes, five of them with holes."""
    r = np.random.default_rng(seed)
    z = r.normal(size=(rows, 4))
    cause = lambda: z @ r.normal(size=4)  # noqa: E731
    made = {f"real{i}": (cause() + 0.5 * r.normal(size=rows)) * 10.0 ** r.integers(-2, 4) for i in range(10)}
    made |= {f"heavy{i}": np.exp(1.5 * cause()).round(2) for i in range(4)}
    made |= {f"count{i}": r.poisson(np.exp(0.4 * cause())) for i in range(3)}
    made |= {f"kind{i}": np.array([*"abcdefgh"])[np.clip((1.5 * cause() + 4).astype(int), 0, 7)] for i in range(5)}
    made |= {f"yes{i}": cause() > 0 for i in range(3)}
    made |= {f"whole{i}": (50 + 10 * cause()).astype(int) for i in range(3)}
    made["day"] = pd.Timestamp("2020-01-01") + pd.to_timedelta((500 + 50 * cause()).astype(int), unit="D")
    made["grade"] = pd.Categorical(
        np.array(["low", "mid", "high"])[np.clip((cause() + 1.5).astype(int), 0, 2)],
        ["low", "mid", "high"],
        ordered=True,
    )
    table = pd.DataFrame(made)
    for name in ("real0", "heavy0", "count0", "kind0", "day"):
        table[name] = table[name].mask(r.random(rows) < 0.05)
    return table


def quality(seeds):
    found = {}
    for name, make in TABLES.items():
        cards = {"TableSynthesizer": [], "columns alone": []}
        seconds = []
        for seed in range(seeds):
            table = make()
            order = np.random.default_rng(seed).permutation(len(table))
            cut = int(0.7 * len(table))
            train, test = (table.iloc[part].reset_index(drop=True) for part in (order[:cut], order[cut:]))
            begun = time.time()
            made = TableSynthesizer(random_state=seed).fit(train)
            seconds.append(time.time() - begun)
            r = np.random.default_rng(seed)
            alone = pd.DataFrame({c: train[c].iloc[r.integers(len(train), size=500)].to_numpy() for c in train})
            alone = alone.astype(train.dtypes)
            schema = learn(train)
            for method, rows in (("TableSynthesizer", made.sample(500)), ("columns alone", alone)):
                cards[method].append(table_quality(test, rows, train=train, schema=schema, target=train.columns[-1]))
        found[name] = {
            method: {
                "columns": mean(c.shapes for c in some),
                "pairs": mean(c.trends for c in some),
                "AUC": mean(c.discriminator.value for c in some),
                "predicts": mean(c.usefulness[0].synthetic for c in some),
                "real predicts": mean(c.usefulness[0].real for c in some),
                "nearer": mean(c.copies.nearer.value for c in some),
            }
            for method, some in cards.items()
        } | {"fit, s": mean(seconds)}
        print(json.dumps({name: found[name]}), flush=True)


def mean(values):
    return round(float(np.mean([*values])), 3)


def speed(rows):
    table = large(rows)
    usage, begun = resource.getrusage(resource.RUSAGE_SELF), time.time()
    made = TableSynthesizer(random_state=0).fit(table)
    now = resource.getrusage(resource.RUSAGE_SELF)
    cpu = now.ru_utime + now.ru_stime - usage.ru_utime - usage.ru_stime
    train = made.run_.spec.train
    print(
        json.dumps(
            {
                "rows": rows, "columns": table.shape[1], "wall, s": round(time.time() - begun, 1),
                "processor, s": round(cpu, 1), "training, s": round(made.run_.seconds, 1), "epochs": made.n_iter_,
                "batch": train.batch_size, "load": round(os.getloadavg()[0], 1), "cores": os.cpu_count(),
            }
        )
    )  # fmt: skip


def main():
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["quality", "speed"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=100_000)
    asked = parser.parse_args()
    quality(asked.seeds) if asked.what == "quality" else speed(asked.rows)


if __name__ == "__main__":
    main()
