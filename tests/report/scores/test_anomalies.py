"""The figures of unusual examples in a report: maps for images, bars for tables, in both languages."""

import numpy as np
import pytest
from madescores import scored_run

import latente
from latente.analysis.trained_models import trained_models
from latente.data.source import make_source
from latente.data.split import split_source
from latente.evaluation.evaluate import Metric
from latente.evaluation.measured import Measured
from latente.evaluation.scores import scores
from latente.language.words import Words
from latente.report.scores import figure_files
from latente.report.tables import scores as scoretables

EN, PT = Words("en"), Words("pt")


def kept(shape):
    rng = np.random.default_rng(0)
    excess = rng.normal(size=(6, *shape)).astype(np.float32)
    excess.reshape(6, -1)[:, 2] = 7.5
    arrays = {
        "excess": excess,
        "values": rng.random((6, *shape)),
        "rows": np.arange(6) * 3,
        "top": np.linspace(9, 4, 6),
    }
    arrays["top_p"] = np.full(6, 0.02)
    columns = {c: Metric(0.06, 0.01) for c in scores.make("anomalies").columns()}
    return Measured(columns, arrays, (), "anomalies", name="anomalies", key="anomalies")


@pytest.mark.parametrize("words", [EN, PT], ids=["en", "pt"])
def test_images_have_maps_and_tables_bars(tiny, words):
    table = split_source(make_source("table", np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)))
    for data, likelihood, file in ((tiny, "bernoulli", "anomalies-vae.png"), (table, "gaussian", "anomalies-vae.svg")):
        model = latente.VAE(2, hidden=(4,), likelihood=likelihood)
        run = scored_run(data, model, "vae", 0, {"anomalies": kept(data.shape)})
        (found,) = figure_files(trained_models([run]), data, words)
        assert found.file == file and found.group == "anomalies"
        said = {
            "en": "Example 4: 8.0 nats, most of all x3 with 7.5.",
            "pt": "Exemplo 4: 8,0 nats, sobretudo x3 com 7,5.",
        }
        assert said[words.language] in found.alt and "vae" in found.caption


def test_its_numbers_have_names():
    made = scores.make({"name": "anomalies", "examples": 50})
    for words in (EN, PT):
        assert all(scoretables.label(c, made, words) != c for c in made.columns())
    assert scoretables.label("anomalies_examples50_above", made, EN).startswith("Probability that an example")
