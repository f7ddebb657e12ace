"""Tables of losses, times, settings and classes, and results.csv: whole rows, by made-up numbers."""

import io
import math
from dataclasses import replace

from madereport import NOTEBOOK, run, runs_of, value
from rich.console import Console

from latente.analysis.trained_models import trained_models
from latente.evaluation.evaluate import Metric
from latente.language.words import Words
from latente.report.tables import results
from latente.report.tables.results import results_csv, results_table

EN, PT = Words("en"), Words("pt")


def test_an_ae_has_no_kl(tiny):
    table = results.results(trained_models(runs_of(tiny, NOTEBOOK)), EN, "image")
    rows = {row[0].text: row for row in table.rows}
    assert [c.text for c in rows["ae"][-2:]] == ["–", "–"] and rows["vae"][-1].text != "–"
    assert any("–:" in note for note in table.notes)
    parameters = (30 * 8 + 8) + (8 * 4 + 4) + (4 * 4 + 4) + (2 * 4 + 4) + (4 * 8 + 8) + (8 * 30 + 30)
    assert rows["vae"][3].value == parameters


def test_several_seeds_are_a_mean_with_the_error_over_seeds(tiny):
    trained = trained_models(runs_of(tiny, {"vae": NOTEBOOK["vae"]}, seeds=(0, 1, 2)))
    (model,) = trained
    base = value("vae", 0, "test", "loss").value
    found = model.metric("test", "loss")
    assert math.isclose(found.value, base + 1) and math.isclose(found.standard_error, 1 / math.sqrt(3))
    table = results.results(trained, EN, "image")
    assert any("means over 3 seeds" in note for note in table.notes)


def test_matched_models_are_compared_at_equal_latent_size(tiny):
    table = results.matched(trained_models(runs_of(tiny, NOTEBOOK)), PT, "image")
    assert [(row[0].text, row[1].text, row[2].text) for row in table.rows] == [
        ("2", "latent-2", "ae-2"), ("8", "latent-8", "ae-8"),
    ]  # fmt: skip
    ours, theirs = (value(n, 0, "test", "reconstruction").value for n in ("latent-8", "ae-8"))
    shown = f"{theirs - ours:+.2f}".replace(".", ",").replace("-", "−")
    assert table.rows[1][5].text == shown and table.rows[1][5].value == theirs - ours
    unlike = runs_of(tiny, {"vae": NOTEBOOK["vae"], "ae": NOTEBOOK["ae"]})
    assert results.matched(trained_models(unlike), EN, "image") is None


def test_results_csv_is_exact_and_ordered(tiny):
    first = run(tiny, "vae", NOTEBOOK["vae"], seed=7)
    test = {"mse": Metric(0.1, 1e-17), "loss": Metric(1 / 3, 2.0)}
    first.metrics = {"test": test, "train": {"kl": Metric(5.0, 0.25)}}
    assert results_csv([first]) == (
        "run,seed,split,metric,value,standard_error\n"
        "vae,7,train,kl,5.0,0.25\n"
        "vae,7,test,loss,0.3333333333333333,2.0\n"
        "vae,7,test,mse,0.1,1e-17\n"
    )


def test_the_terminal_table_fits_a_terminal(tiny):
    runs = runs_of(tiny, NOTEBOOK)
    out = io.StringIO()
    Console(file=out, width=80).print(results_table(runs, PT).terminal())
    text = out.getvalue()
    loss = value("latent-8", 0, "test", "loss")
    assert f"{loss.value:.2f} ± {loss.standard_error:.2f}".replace(".", ",") in text
    assert all(len(line) <= 80 for line in text.splitlines())
    runs[0].metrics = {}
    Console(file=out, width=80).print(results_table(runs, EN).terminal())
    assert "–" in out.getvalue()


def cells(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_a_row_has_the_kind_the_epochs_and_the_loss_of_each_part(tiny):
    first = run(tiny, "vae", NOTEBOOK["vae"])
    for i, part in enumerate(("train", "validation", "test")):
        first.metrics[part] = {
            "loss": Metric(1000.5 + i, 0.25), "reconstruction": Metric(900.25, 0.125), "kl": Metric(100.25 + i, 0.5),
        }  # fmt: skip
    table = results.results(trained_models([first]), PT, "image")
    assert cells(table) == [
        ["vae", "VAE", "2", "626", "3", "1000,50", "1001,50", "1002,50", "900,25", "900,25", "101,25", "102,25"]
    ]
    assert [(c.value, c.error_value) for c in table.rows[0][5:8]] == [(1000.5, 0.25), (1001.5, 0.25), (1002.5, 0.25)]
    two = [
        first,
        replace(first, spec=replace(first.spec, seed=1), history={k: v[:2] for k, v in first.history.items()}),
    ]
    assert results.results(trained_models(two), EN, "image").rows[0][4].text == "2–3"


def test_numbers_a_pixel_are_called_so_for_images_of_one_colour_only(tiny):
    assert [results.per_what(EN, s) for s in ((6, 5), (6, 5, 1), (6, 5, 3), (4,))] == [
        "pixel",
        "pixel",
        "value",
        "value",
    ]
    table = results.scale(trained_models([run(tiny, "vae", NOTEBOOK["vae"])]), EN, (6, 5), grey=True)
    assert table.rows[0][1].value == value("vae", 0, "validation", "bce_per_pixel").value
    assert "30" in table.notes[0] and len(table.notes) == 2
    assert len(results.scale(trained_models([run(tiny, "vae", NOTEBOOK["vae"])]), EN, (6, 5), grey=False).notes) == 1


def test_settings_and_times_are_those_of_the_runs(tiny):
    first = run(tiny, "vae", NOTEBOOK["vae"])
    assert cells(results.settings(trained_models([first]), PT)) == [
        ["vae", "totalmente conectada 8–4, ReLU", "gaussiano", "normal padrão", "Bernoulli", "ELBO", "3", "16", "0,001"]
    ]
    assert cells(results.times([first], PT)) == [["vae", "0", "3", "1,5", "0,500"]]


def test_every_number_of_every_run_stands_in_one_table(tiny):
    runs = [run(tiny, "vae", NOTEBOOK["vae"], seed) for seed in (0, 7)]
    table = results.everything(runs, PT, (6, 5))
    assert [row[:3] for row in cells(table)] == [
        ["vae", seed, part] for seed in ("0", "7") for part in ("treino", "validação", "teste")
    ]
    assert table.rows[5][3].value == value("vae", 7, "test", "loss").value


def test_classes_are_counted_in_each_part():
    card = {
        "classes": ["cat", "dog"], "counts": {"train": 8, "validation": 3, "test": 4},
        "labels": {"train": [6, 2], "test": [1, 3]},
    }  # fmt: skip
    assert cells(results.parts_of(card, PT)) == [
        ["cat", "6", "75,0", "–", "–", "1", "25,0"],
        ["dog", "2", "25,0", "–", "–", "3", "75,0"],
        ["todas", "8", "100,0", "3", "100,0", "4", "100,0"],
    ]
