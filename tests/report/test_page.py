import base64
import csv
import hashlib
import io
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes
from xml.dom.minidom import parseString

import numpy as np
import pytest
from madereport import HIDDEN, NOTEBOOK, run, runs_of, value

from latente.data.source import make_source
from latente.data.split import split_source
from latente.language.words import LANGUAGES, Words
from latente.objective.presets import AE
from latente.report.conclusions import WordedClaim, WordedFinding
from latente.report.embedded import as_webp, smaller_svg
from latente.report.page import write_figures, write_report
from latente.report.sections import SYMBOLS
from latente.spec import StudySpec

EN, PT = Words("en"), Words("pt")
FACTS = {"versions": {"latente": "9.9", "python": "3.x"}, "platform": "Box", "processors": 2, "date": "2030-01-02"}


CONCLUSIONS = [
    WordedFinding("a", "First <title>", "they said", "holds", (WordedClaim("it is so", "holds", ("0 < 1",)),)),
    WordedFinding("b", "Second", "they said too", "fails", (WordedClaim("c", "fails"),)),
    WordedFinding("c", "Third", "and this", "unknown", (WordedClaim("d", "unknown", ("e",)),)),
]


def write(folder, data, models, words=EN, seeds=(0,), title="A study", conclusions=CONCLUSIONS, **kwargs):
    runs = runs_of(data, models, seeds)
    study = StudySpec(title, data.spec, tuple(seeds), tuple(r.spec for r in runs if r.spec.seed == seeds[0]))
    drawn = write_figures(folder, runs, data, words)
    command = "latente run 'a<b>'"
    return write_report(folder, study, runs, data, conclusions, words, command, FACTS, drawn=drawn, **kwargs)


@pytest.fixture(scope="module")
def pages(tiny, tmp_path_factory):
    return {w.language: write(tmp_path_factory.mktemp(w.language), tiny, NOTEBOOK, w) for w in (EN, PT)}


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.tags, self.text, self.styles, self._style = [], [], [], False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._style = tag == "style"

    def handle_endtag(self, tag):
        self._style = False

    def handle_data(self, data):
        (self.styles if self._style else self.text).append(data)

    def all(self, tag):
        return [attrs for t, attrs in self.tags if t == tag]

    @property
    def said(self):
        return " ".join(" ".join(self.text).split())


def decoded(uri):
    if ";base64," not in uri:
        head, _, body = uri.partition(",")
        return head, unquote_to_bytes(body).replace(b"'", b'"')
    head, _, body = uri.partition(";base64,")
    return head, base64.b64decode(body)


# the page


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_stands_alone_and_is_closed_to_the_outside(pages, language):
    page = Page(pages[language])
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "embed", "svg", "form", "base"}
    for _, attrs in page.tags:
        assert not [a for a in attrs if a.startswith("on") or a == "style"]
        for key in ("src", "href", "srcset"):
            assert attrs.get(key, "#").startswith(("#", "data:"))
        if attrs.get("src", "").startswith("data:image/svg"):
            assert all(to.startswith(b"#") for to in re.findall(rb'href="([^"]*)', decoded(attrs["src"])[1]))
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:;") and "unsafe" not in policy
    (style,) = page.styles
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
    assert "url(" not in style and "@import" not in style
    assert pages[language].stat().st_size < 1_500_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_well_made(pages, language):
    page = Page(pages[language])
    assert page.all("html")[0]["lang"] == {"en": "en", "pt": "pt-BR"}[language]
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [a["href"][1:] for a in page.all("a") if a["href"].startswith("#")]
    assert set(links) <= set(ids) and len(links) >= 14
    assert all(attrs[k] in ids for _, attrs in page.tags for k in ("aria-labelledby",) if k in attrs)
    assert len(page.all("caption")) == len(page.all("table")) >= 8
    assert len(page.all("summary")) == len(page.all("details")) >= len(CONCLUSIONS) + 8
    assert all("scope" in th for th in page.all("th"))
    assert all(len(img["alt"]) > 40 for img in page.all("img"))
    numbers = re.findall(r"(?:Figure|Figura) (\d+)\.", page.said)
    heroes, shown = 3, len(page.all("img"))
    assert numbers == [str(i) for i in range(1, shown - heroes + 1)]


def test_the_portuguese_page_has_no_english_sentence(pages):
    said = re.sub(r"\s+", " ", Page(pages["pt"]).said)
    # The fixture's own conclusions are English; none of them has one of these words.
    assert re.findall(r".{20} (?:the|of|for|are|with|by|than) .{20}", said) == []
    assert "ELBO (Bernoulli)" in said and "elbo of" not in said
    assert "perda" in said and not re.search(r"\bloss\b(?!\.csv)", said)


def test_figures_are_the_files_beside_the_page(pages):
    page, folder = Page(pages["en"]), pages["en"].parent / "figures"
    shown = [decoded(img["src"]) for img in page.all("img")]
    files = {f.name: f.read_bytes() for f in folder.iterdir()}
    smaller = {".svg": smaller_svg, ".png": as_webp, ".webp": bytes}
    assert sorted(content for _, content in shown) == sorted(
        smaller[Path(name).suffix](content) for name, content in files.items()
    )
    assert set(files) == {
        "hero-map.png", "hero-reconstructions.png", "hero-samples.png", "data.png", "layers-vae.svg", "layers-ae.svg",
        "curves-vae.svg", "curves-ae.svg", "classes.svg", "reconstructions.png", "film-vae.webp", "samples-vae.png",
        "manifold-vae.png", "codes-vae.png", "codes-ae.png", "sweep-curves.svg", "sweep-parts.svg",
        "reconstructions-sweep.png", "samples-sweep.png", "differences-loss.svg", "differences-loss-2.svg",
        "differences-mse-3.svg",
    }  # fmt: skip
    for name, content in files.items():
        if name.endswith(".svg"):
            parseString(content)
            assert b"<script" not in content and b"<!--" not in content
    assert {head for head, _ in shown} == {"data:image/svg+xml", "data:image/webp"}


@pytest.mark.slow
def test_equal_input_is_equal_bytes(pages, tiny, tmp_path):
    again = write(tmp_path, tiny, NOTEBOOK)
    assert again.read_bytes() == pages["en"].read_bytes()
    for file in (pages["en"].parent / "figures").iterdir():
        assert (tmp_path / "figures" / file.name).read_bytes() == file.read_bytes()


def test_verdicts_are_told_by_symbol_and_word(pages):
    said = Page(pages["en"]).said
    assert all(f"{s} {EN(f'report.{v}')}: 1" in said for v, s in SYMBOLS.items())
    assert "1. First <title>" in said and "they said" in said and "0 < 1" in said


def test_without_conclusions_their_section_is_left_out(tiny, tmp_path, quick):
    page = Page(write(tmp_path, tiny, {"ae": AE(2, hidden=HIDDEN)}, conclusions=[]))
    assert "notebook" not in {attrs.get("id") for _, attrs in page.tags}


def test_the_notebooks_conclusions_are_for_its_models_only(tiny, tmp_path, quick):
    """Without a sweep over latent sizes, or without an autoencoder, they would be about something else."""
    page = Page(write(tmp_path, tiny, {"vae": NOTEBOOK["vae"], "ae": NOTEBOOK["ae"]}))
    assert "notebook" not in {attrs.get("id") for _, attrs in page.tags} and "they said" not in page.said


def test_notes_of_the_conclusions_are_shown(tiny, tmp_path, quick):
    models = {name: NOTEBOOK[name] for name in ("ae", "latent-2", "latent-8")}
    assert "Mind <this>." in Page(write(tmp_path, tiny, models, notes=["Mind <this>."])).said


def test_facts_command_and_method_are_told(pages):
    said = Page(pages["en"]).said
    for part in ("2030-01-02", "latente 9.9", "latente run 'a<b>'", "Box", "10 codes", "stratified by class, seed 42"):
        assert part in said
    assert "1,5 " in Page(pages["pt"]).said  # seconds, with a decimal comma


# numbers


def test_class_errors_agree_with_the_evaluation(pages, tiny):
    """The figure's means, weighed by the classes' counts, are the mean that `Run.evaluate` gives."""
    from latente.evaluation.evaluate import mean_and_error

    first = run(tiny, "vae", NOTEBOOK["vae"])
    values = first.per_example("validation")["reconstruction"]
    least, most = (f(values[tiny.validation.y == c].mean() for c in range(3)) for f in (min, max))
    assert least <= mean_and_error(values).value <= most
    alt = next(i["alt"] for i in Page(pages["en"]).all("img") if i["alt"].startswith("Dot plot"))
    assert "vae: least for class" in alt and f"({least:.1f})" in alt and f"({most:.1f})" in alt


def test_the_main_table_holds_each_runs_numbers(pages):
    for language, mark in (("en", "."), ("pt", ",")):
        html = pages[language].read_text()
        for split in ("train", "validation", "test"):
            loss = value("latent-8", 0, split, "loss")
            cell = f'{loss.value:.2f} <span class="error">± {loss.standard_error:.2f}</span>'
            assert cell.replace(".", mark) in html


def test_the_summary_names_the_lowest(pages):
    priors = ("vae", "latent-2", "latent-8")
    best = min(priors, key=lambda n: value(n, 0, "test", "loss").value)
    low = value(best, 0, "test", "loss")
    said = Page(pages["en"]).said
    assert f"{best} has the lowest test loss of the 3 models whose loss is ELBO" in said
    assert f"{low.value:.2f} ± {low.standard_error:.2f} nats with latent size" in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_table_comes_as_csv_with_plain_numbers(pages, language):
    page = Page(pages[language])
    links = [a for a in page.all("a") if "download" in a]
    # All but the notebook's conclusions, which are sentences.
    assert len(links) == len(page.all("table")) - 1
    found = {a["download"]: decoded(a["href"]) for a in links}
    head, content = found["results.csv"]
    assert head == "data:text/csv;charset=utf-8"
    rows = list(csv.reader(io.StringIO(content.decode())))
    assert len({len(row) for row in rows}) == 1 and [r[0] for r in rows[1:]] == list(NOTEBOOK)
    loss = value("vae", 0, "train", "loss")
    assert rows[1][5:7] == [repr(loss.value), repr(loss.standard_error)]


# what is left out


@pytest.fixture
def quick(monkeypatch):
    """Spare the compilation of an evaluation where its numbers do not matter."""

    def fake(model, objective, scale, examples, **rest):
        return {"reconstruction": np.arange(len(examples), dtype=np.float32)}

    monkeypatch.setattr("latente.evaluation.run.per_example", fake)


def drawn(path):
    return {f.name for f in (path.parent / "figures").iterdir()}


@pytest.mark.slow
def test_tables_have_no_images(tmp_path, quick):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 4)).astype(np.float32)
    data = split_source(make_source("table", x, rng.integers(0, 2, 120)), scale="minmax")
    page = write(tmp_path, data, {"vae": NOTEBOOK["vae"], "ae": NOTEBOOK["ae"]})
    assert drawn(page) == {
        "hero-map.png", "layers-vae.svg", "layers-ae.svg", "curves-vae.svg", "curves-ae.svg", "codes-vae.png",
        "codes-ae.png", "classes.svg", "differences-mse.svg", "columns-vae.png", "columns-ae.png", "marginals-vae.svg",
    }  # fmt: skip
    assert "The first training examples" in Page(page).said
    assert "nats per example" in Page(page).said and "nats per image" not in Page(page).said


@pytest.mark.slow
def test_without_labels_there_are_no_classes(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (100, 5, 7, 1)).astype(np.uint8)
    page = write(tmp_path, split_source(make_source("plain", x)), {"vae": NOTEBOOK["vae"]}, PT)
    assert "classes.svg" not in drawn(page) and "codes-vae.png" in drawn(page)
    assert "aleatória, semente 42" in Page(page).said


def test_an_autoencoder_alone_draws_no_samples(tiny, tmp_path, quick):
    page = write(tmp_path, tiny, {"ae": NOTEBOOK["ae"]})
    assert drawn(page) == {
        "hero-map.png", "hero-reconstructions.png", "data.png", "layers-ae.svg", "curves-ae.svg",
        "reconstructions.png", "codes-ae.png", "classes.svg",
    }  # fmt: skip


HOSTILE = np.array(["<img src=x onerror=alert(1)>", '"><script>alert(2)</script>', "$\\frac{1}{2$ \x00\x0b--]]>"])


@pytest.mark.slow
def test_hostile_names_and_colour_images_of_several_seeds(tmp_path, quick):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (150, 6, 9, 3)).astype(np.uint8)
    data = split_source(make_source("<b>data</b>", x, HOSTILE[np.arange(150) % 3]))
    page = write(tmp_path, data, {"vae": NOTEBOOK["vae"]}, seeds=(0, 1), title="</title><script>alert(3)</script>")
    html = page.read_text()
    assert "<script" not in html and "<img src=x" not in html and "<b>" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    for name in ("classes.svg", "curves-vae.svg"):
        content = (tmp_path / "figures" / name).read_bytes()
        parseString(content)
        assert b"script" not in content and b"alert" not in content
    assert "Seed\u00a00." in html and "2 seeds" in html


def test_findings_stand_with_what_to_do_baselines_beside_and_neither_where_it_is_left_out(tmp_path, tiny, quick):
    models = {n: NOTEBOOK[n] for n in ("latent-2", "latent-8")}
    claim = WordedClaim("vae: idle.", "holds", ("9 of 16.",), "LT206", "warning", "Take fewer.", matters=True)
    beside = [{"baseline": "mean", "latents": 0, "value": 0.06729, "standard_error": 0.0005}]
    for name, ignore in (("all", ()), ("less", ("LT206", "LT402"))):
        (tmp_path / name).mkdir()
        page = write(tmp_path / name, tiny, models, general=[claim], beside=beside, ignore=ignore)
        said = Page(page).said
        assert "Training mean" in said and "0.06729" in said
        assert ("vae: idle. 9 of 16. Take fewer." in said) == (not ignore)
        assert ("has the lowest test reconstruction error" in said) == (not ignore)
        assert "has the lowest test loss" in said
