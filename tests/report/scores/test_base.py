"""What scores keep, as figures and tables of a report: the numbers drawn are the numbers kept, in both languages."""

import dataclasses
import io

import numpy as np
import pytest
from made import blobs, untrained
from madescores import four_scores, scored_run
from PIL import Image

import latente
from latente.analysis.trained_models import trained_models
from latente.data.source import Factor, make_source
from latente.data.split import split_source
from latente.evaluation.scores import scores
from latente.language.message import phrase
from latente.language.words import Words
from latente.report import scores as scored
from latente.report.tables import scores as scoretables

EN, PT = Words("en"), Words("pt")


RNG = np.random.default_rng(0)


VAE, AE = latente.VAE(2, hidden=(8,)), latente.AE(2, hidden=(8,))


@pytest.fixture(scope="module")
def trained(tiny):
    return trained_models([scored_run(tiny, VAE, "vae"), scored_run(tiny, AE, "ae", 1)])


@pytest.mark.slow
@pytest.mark.parametrize("words", [EN, PT], ids=["en", "pt"])
def test_every_score_has_its_figures_with_captions_and_texts(tiny, trained, words):
    found = list(scored.figure_files(trained, tiny, words))
    assert [(p.group, p.file) for p in found] == [
        ("reconstruction", "pixel-errors.png"),
        ("reconstruction", "worst-vae.png"),
        ("reconstruction", "worst-ae.png"),
        ("generation", "neighbours-vae.png"),
        ("generation", "neighbours-ae.png"),
        ("generation", "class-balance.svg"),
        ("representation", "confusion-vae.svg"),
        ("representation", "confusion-ae.svg"),
    ]
    for picture in found:
        assert len(picture.alt) > 40 and len(picture.caption) > 40 and "{" not in picture.alt + picture.caption
        assert f"report.section.{picture.group}" in words.templates
        if picture.mime == "image/png":
            with Image.open(io.BytesIO(picture.content)) as image:
                assert image.width / 200 == pytest.approx(picture.size[0] / 96, abs=0.02)


def test_only_images_are_drawn_and_only_what_was_scored(trained):
    assert not list(scored.figure_files(trained, trained[0].first.data, EN, "validation"))
    x = RNG.normal(size=(200, 4)).astype(np.float32)
    table = split_source(make_source("table", x, np.arange(200) % 3))
    model = latente.VAE(2, hidden=(4,), likelihood="gaussian")
    measured = {k: v for k, v in four_scores(table).items() if k != "reconstruction"}
    files = [
        p.file for p in scored.figure_files(trained_models([scored_run(table, model, "vae", 0, measured)]), table, EN)
    ]
    assert files == ["class-balance.svg", "confusion-vae.svg"]


def test_numbers_are_a_table_of_each_scale_with_the_reasons_of_those_that_have_none(tiny):
    measured = {"generation": four_scores(tiny)["generation"]}
    models = [scored_run(tiny, VAE, "vae", 0, measured), scored_run(tiny, AE, "ae", 0, {})]
    models.append(scored_run(tiny, latente.preset("CVAE", 2, hidden=(8,)), "told", 0, measured))
    shown = scoretables.numbers(trained_models(models), [scores.make("generation"), scores.make("mean-mse")], PT)
    assert len(shown) == 2 and [c.title for c in shown[0].columns] == ["Número", "vae"]
    assert "acurácia 0,910" in shown[0].caption and "dados o rótulo" in shown[1].caption
    assert shown[0].notes[-1].startswith("ae: não tem prior de onde sortear")
    rows = {row[0].text: row[1] for row in shown[0].rows}
    assert rows["Cobertura ↑"].text == "0,2500" and rows["Cobertura ↑"].error_value == 0.01
    assert "Densidade" in rows and "Cópias entre as amostras, fração ↓" in rows
    assert "Número,vae,vae ±" in shown[0].csv()


def test_a_score_that_no_model_has_is_told_with_the_reason(tiny):
    models = trained_models([scored_run(tiny, VAE, "vae", 0, {}), scored_run(tiny, AE, "ae", 0, {})])
    asked = [scores.make(n) for n in ("disentanglement", "generation", "active-units")]
    said = scoretables.lacking(models, asked, EN)
    assert said[0].startswith(
        "Latents and factors: no number for vae and ae, for the factors that made the examples are"
    )
    # The AE has no samples, which the table of the VAE's says; its units are told of here.
    assert len(said) == 2 and said[1].startswith("Active latents: no number for ae, for its codes")
    assert scoretables.lacking(models, asked[:1], PT)[0].startswith(
        "Latentes e fatores: sem número para vae e ae (não se conhecem"
    )


def test_scores_of_many_numbers_are_not_ranked_one_by_one_and_baselines_are_named(trained):
    asked = scoretables.every(trained, [scores.make("mean-mse")])
    assert [scoretables.name_of(s) for s in asked] == ["mean-mse", "generation", "reconstruction", "representation"]
    assert [scoretables.has_many(s) for s in asked] == [False, True, True, True]
    made = scores.make({"name": "representation", "examples": 60})
    assert scoretables.label("probe_knn_pca_examples60", made, EN) == "Nearest-neighbour probe, accuracy, of PCA"
    assert scoretables.label("unknown", made, EN) == "unknown"
    for name in ("generation", "reconstruction", "representation", "disentanglement"):
        made = scores.make(name)
        for words in (EN, PT):
            assert all(scoretables.label(c, made, words) != c for c in made.columns()), name


def test_everything_that_scores_say_is_said_in_portuguese_too(tiny):
    def reason(name, data, model, **options):
        return scores.make({"name": name, **options}).unsupported(untrained(data, model))

    def scale(name, data, model, measured=None, **options):
        found = scored_run(data, model, "run", 0, {} if measured is None else measured)
        return scores.make({"name": name, **options}).scale(found)

    cvae, one = latente.preset("CVAE", 2, hidden=(8,)), latente.VAE(1, hidden=(8,))
    plain = split_source(make_source("plain", blobs()[0]))
    holes = np.where(RNG.uniform(size=(300, 4)) < 0.1, np.nan, RNG.normal(size=(300, 4))).astype(np.float32)
    gaps = split_source(make_source("gaps", holes, missing=True), missing="keep")
    gappy = latente.VAE(2, hidden=(8,), likelihood="gaussian", missing=True)
    factors = (Factor("shape", ("a", "b")), Factor("x", (1.0, 2.0)))
    known = dataclasses.replace(tiny, known=factors, validation=tiny.train, test=tiny.train)
    judged = {"generation": four_scores(tiny)["generation"]}
    said = [
        reason("generation", tiny, AE), reason("generation", plain, VAE), reason("generation", gaps, gappy),
        reason("active-units", tiny, AE), reason("linear-probe", plain, VAE), reason("linear-probe", tiny, cvae),
        reason("reconstruction", gaps, gappy), reason("representation", tiny, cvae),
        reason("disentanglement", tiny, VAE), reason("disentanglement", known, one),
        scale("generation", tiny, VAE, judged), scale("generation", tiny, cvae, judged),
        scale("generation", tiny, VAE, features="values"), scale("generation", tiny, cvae, features="values"),
        scale("reconstruction", tiny, VAE), scale("reconstruction", tiny, cvae), scale("representation", tiny, VAE),
        scale("disentanglement", known, VAE), scale("linear-probe", tiny, VAE),
    ]  # fmt: skip
    rows = split_source(make_source("rows", RNG.normal(size=(300, 2))))
    said.append(reason("generation", rows, latente.VAE(2, likelihood={"name": "mixed", "columns": ["real", "real"]})))
    for sentence in said:
        assert phrase(sentence, EN) == sentence != phrase(sentence, PT), sentence
    assert phrase(said[10], PT).startswith("atributos do classificador 000102030405 (acurácia 0,910), até 2000")
    assert phrase(said[11], PT).endswith("dados o rótulo ou as colunas")
