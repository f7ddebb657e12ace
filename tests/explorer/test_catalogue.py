"""Folders of runs and studies, a study while it trains, the file that is written, and the words."""

import base64
import json
import os
import re
import string

import numpy as np
import pytest

from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import DataError, SpecError, StoreError
from latente.evaluation.run import train_run
from latente.explorer import export_page, launch, open_explorer, packing
from latente.explorer.build_page import SCRIPTS, STYLES, build, words
from latente.explorer.catalogue import find
from latente.spec import StudySpec, as_dict

EPOCHS = 6


class Stop(Exception):
    pass


@pytest.fixture
def study(vae, wide, data, tmp_path):
    """A study of two runs of which the first is in training; and how to go on with it."""
    import dataclasses

    train = dataclasses.replace(vae.spec.train, epochs=EPOCHS)
    specs = tuple(dataclasses.replace(r.spec, train=train) for r in (vae, wide))
    spec = StudySpec("title", data.spec, (0,), specs)
    (tmp_path / "study.json").write_text(json.dumps({"latente": "x", "command": None, **as_dict(spec)}))

    def go_on(number, until=EPOCHS):
        def stop(epoch):
            if epoch.number == until:
                raise Stop

        folder = tmp_path / "runs" / specs[number].name / "seed-0"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            run = train_run(
                specs[number], data, checkpoint=folder / "checkpoint.safetensors",
                on_epoch=stop if until < EPOCHS else None,
            )  # fmt: skip
        except Stop:
            return None
        run.evaluate("validation")
        run.write(folder)
        (folder / "checkpoint.safetensors").unlink()
        return run

    return tmp_path, go_on


def shared(shelf, data):
    """The data set of this test is no file, so that a shelf could read it again."""
    shelf._shared = lambda spec: data
    return shelf


def test_a_study_is_followed_while_it_trains(study, data):
    folder, go_on = study
    shelf = shared(find([folder]), data)
    assert [(r["name"], r["state"]) for r in shelf.table()] == [("vae", "waiting"), ("wide", "waiting")]
    assert shelf.progress(0)[0] == {"state": "waiting", "done": 0, "asked": EPOCHS, "epochs": [], "history": {}}
    with pytest.raises(DataError, match="still training"):
        shelf[0]
    for until in (2, 4):
        go_on(0, until)
        meta, arrays = shelf.progress(0)
        assert (meta["state"], meta["done"], meta["epochs"]) == ("training", until, list(range(1, until + 1)))
        assert len(meta["history"]["val_loss"]) == until and len(arrays["frames"]) == until
        np.testing.assert_array_equal(arrays["originals"], data.validation.x[: len(arrays["originals"])])
    # Other data in the place of that: its images are not the originals of these reconstructions.
    other = split_source(make_source("other", data.train.x[:200]))
    assert "originals" not in shared(find([folder]), other).progress(0)[1]
    run = go_on(0)
    assert "originals" not in shared(find([folder]), other).progress(0)[1]
    meta, arrays = shelf.progress(0)
    assert (meta["state"], meta["done"]) == ("finished", EPOCHS)
    np.testing.assert_allclose(meta["history"]["loss"], run.history["loss"], rtol=1e-5)
    np.testing.assert_array_equal(arrays["frames"], run.frames)
    assert shelf.table()[1]["state"] == "waiting"
    np.testing.assert_allclose(shelf[0].encoded("test")[0], run.encode(data.test.x), atol=1e-5)


def test_a_checkpoint_that_is_cut_off_is_no_error(study, data):
    folder, go_on = study
    go_on(0, 2)
    path = folder / "runs" / "vae" / "seed-0" / "checkpoint.safetensors"
    raw = path.read_bytes()
    for cut in (0, 5, 200, len(raw) // 2):
        path.write_bytes(raw[:cut])
        assert shared(find([folder]), data).progress(0)[0]["done"] == 0


def test_the_page_follows_a_study_and_opens_its_first_run(study, data, browser, monkeypatch):
    pytest.importorskip("uvicorn")
    from latente.explorer import catalogue as module

    monkeypatch.setattr(module.Shelf, "_shared", lambda self, spec: data)
    folder, go_on = study
    go_on(0, 2)
    server = launch.serve(folder, port=0, lang="en")
    page = browser.page()
    try:
        page.open(server.url)
        assert page.js("document.body.classList.contains('watching')")
        page.until("document.getElementById('training-state').dataset.done === '2'")
        assert page.js("document.querySelectorAll('#film .strip canvas').length") == 16
        go_on(0, 4)
        page.until("document.getElementById('training-state').dataset.done === '4'")
        width, height, red = page.pixels("#film .strip canvas")
        np.testing.assert_array_equal(np.array(red).reshape(height, width), data.validation.x[0])
        run = go_on(0)
        page.until("!document.body.classList.contains('watching') && !!document.getElementById('decoded').dataset.z")
        z = np.array(page.js("document.getElementById('decoded').dataset.z.split(',').map(Number)"), np.float32)
        _, _, red = page.pixels("#decoded")
        assert np.abs(np.array(red) - 255 * run.decode(z[None]).ravel()).max() <= 1.5
        page.drain()
        assert page.problems == []
    finally:
        page.close()
        server.stop()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_curves_are_of_files_that_are_what_was_written(study, data):
    folder, go_on = study
    run = go_on(0)
    shelf = shared(find([folder]), data)
    path = folder / "runs" / "vae" / "seed-0" / "history.csv"
    whole = path.read_text()
    for damage in (whole.replace("1", "2", 1), whole[:-4]):
        path.write_text(damage)
        with pytest.raises(StoreError, match="history.csv: is not what was written"):
            shelf.progress(0)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StoreError, match="is a pipe; allowed: a plain file"):
        shelf.progress(0)
    path.unlink()
    path.write_text(whole)
    np.testing.assert_allclose(shelf.progress(0)[0]["history"]["loss"], run.history["loss"], rtol=1e-5)


def test_a_model_whose_numbers_are_not_finite_is_refused_in_one_line(vae, data, tmp_path):
    import dataclasses

    import equinox as eqx
    import jax

    def every(part, value):
        return jax.tree.map(lambda a: a * value if eqx.is_inexact_array(a) else a, part)

    for part, what in (("encoder", "codes"), ("decoder", "scores of examples")):
        broken = eqx.tree_at(lambda m: getattr(m, part), vae.model, every(getattr(vae.model, part), np.inf))  # noqa: B023
        with pytest.raises(StoreError, match=f"its {what} are not all finite numbers"):
            export_page([dataclasses.replace(vae, model=broken, _data=data)], tmp_path / "page.html")
    # A number of one epoch that was none is a gap in a curve.
    gap = {k: np.where(np.arange(len(v)) == 1, np.nan, v) for k, v in vae.history.items()}
    page = export_page([dataclasses.replace(vae, history=gap, _data=data)], tmp_path / "page.html")
    blob = re.search(r'id="blob-run-0">([^<]*)<', page.read_text(encoding="utf-8"))[1]
    assert packing.unpack(base64.b64decode(blob))[0]["history"]["loss"][1] is None


def test_a_study_names_no_folder_outside_itself(study):
    folder, _ = study
    table = json.loads((folder / "study.json").read_text())
    table["runs"][0]["name"] = "../../elsewhere"
    (folder / "study.json").write_text(json.dumps(table))
    with pytest.raises(StoreError, match="for it names a folder"):
        find([folder])


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(StoreError, match="is not a run folder"):
        find([tmp_path])
    (tmp_path / "study.json").write_text('{"seeds": [0]}')
    with pytest.raises(StoreError, match="damaged"):
        find([tmp_path])


def test_a_saved_run_is_explored_from_its_folder(vae, data, tmp_path):
    vae.save(tmp_path / "one")
    shelf = shared(find([tmp_path / "one"]), data)
    assert shelf.table() == [{"name": "one", "state": "finished", "epochs": None, "study": False}]
    np.testing.assert_allclose(shelf[0].encoded("test")[0], vae.encode(data.test.x), atol=1e-5)
    import dataclasses

    other = shared(find([tmp_path / "one"]), dataclasses.replace(data, fingerprint="0" * 64))
    with pytest.raises(DataError, match="is not the data the run was trained on"):
        other[0]


def test_the_file_holds_codes_in_half_precision_and_asks_nobody(written, vae, data):
    text = written.read_text(encoding="utf-8")
    blob = re.search(r'id="blob-run-0">([^<]*)<', text)[1]
    meta, arrays = packing.unpack(base64.b64decode(blob))
    mean = vae.encode(data.validation.x)
    np.testing.assert_array_equal(arrays["codes"], mean.astype(np.float16))
    assert meta["encoder"]["inputs"] == 56 and arrays["held"].tolist() == list(range(len(data.validation)))
    assert "connect-src &#x27;none&#x27;" in text or "connect-src 'none'" in text
    outside = set(re.findall(r"https?://[^\s\"'`<)]*", text)) - {"http://www.w3.org/2000/svg"}
    assert outside == set()
    assert "<img" not in text and "alert(2)</script>" not in text


def test_the_file_of_the_notebooks_model_on_full_mnist_fits(data):
    """The parts that count: 70,000 codes, spreads and labels, 2 × 235k weights, and the examples it may hold."""
    from latente.explorer.export import HELD_BYTES

    weights = sum(i * o + o for i, o in ((784, 256), (256, 128), (128, 4), (2, 128), (128, 256), (256, 784)))
    packed = 2 * weights + 70_000 * (2 * 2 + 2 + 1) + HELD_BYTES
    page = len(build({"backend": "file", "lang": "en"}, {}).html)
    assert packed * 4 / 3 + page + 20_000 < 2.5e6


def test_explore_writes_a_file_and_refuses_what_it_cannot(vae, wide, ae, tmp_path):
    said = []
    path = open_explorer(ae, export=tmp_path / "ae.html", lang="pt", split="test", say=said.append)
    assert path.is_file() and 'lang="pt"' in path.read_text(encoding="utf-8") and "ae.html written" in said[0]
    with pytest.raises(SpecError, match="got 3 runs"):
        export_page([vae, wide, ae], tmp_path / "x.html")
    with pytest.raises(SpecError, match="is a folder"):
        export_page([vae], tmp_path)
    with pytest.raises(SpecError, match="language"):
        open_explorer(vae, export=tmp_path / "y.html", lang="de")
    with pytest.raises(SpecError, match="split"):
        open_explorer(vae, export=tmp_path / "y.html", split="tests")


def test_a_notebook_gets_the_page_itself(vae):
    shown = launch.explore(vae, lang="en")
    text = shown._repr_html_()
    assert text.startswith("<iframe srcdoc=") and 'sandbox="allow-scripts allow-downloads"' in text
    assert text.count("<") == 2


def test_both_languages_have_the_same_words_and_every_word_that_is_used():
    en, pt = words("en"), words("pt")
    assert list(en) == list(pt)
    for key in en:
        fields = [{f for _, f, _, _ in string.Formatter().parse(w[key]) if f} for w in (en, pt)]
        assert fields[0] == fields[1], key
    from importlib.resources import files

    source = "".join(
        files("latente.explorer").joinpath("page", name).read_text(encoding="utf-8")
        for name in [*(f"{s}.js" for s in SCRIPTS), "index.html"]
    )
    used = set(re.findall(r'(?:\bt\(|\bt: |label: |data-t="|data-t-label="|label=")"?([a-z]+\.[a-z_]+)"', source))
    assert used and used <= set(en), used - set(en)


def test_scripts_and_styles_are_all_put_in():
    from importlib.resources import files

    found = {f.name for f in files("latente.explorer").joinpath("page").iterdir()}
    assert found == {f"{s}.js" for s in SCRIPTS} | {f"{s}.css" for s in STYLES} | {"index.html"}


def test_nothing_filled_in_is_taken_for_a_mark_or_ends_an_element():
    page = build({"name": "{{script}}</script><script>alert(1)"}, None)
    assert "alert(1)" in page.html and "</script><script>alert" not in page.html
    assert page.html.count("start();\n})();") == 1


def test_without_the_extra_it_says_what_to_install(vae, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(SpecError, match=r"explore needs uvicorn.*pip install 'latente\[explorer\]'"):
        launch.serve(vae, port=0)


def test_a_conditioned_model_is_refused_in_one_line(vae):
    import dataclasses

    model = dataclasses.replace(vae.model, context_size=3)
    with pytest.raises(SpecError, match="conditioned on 3 numbers"):
        export_page([dataclasses.replace(vae, model=model)], "never.html")


def test_the_command_line_writes_a_file_and_says_what_is_wrong_in_one_line(tmp_path, capsys):
    from latente import VAE, load_data
    from latente.cli.main import main
    from latente.evaluation.run import fit

    rng = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x=(255 * rng.uniform(size=(120, 6, 5))).astype(np.uint8))
    run = fit(VAE(latent_dim=2, hidden=(8,)), load_data(str(tmp_path / "d.npz")), epochs=1, batch_size=32)
    run.save(tmp_path / "run")
    assert main(["explore", str(tmp_path / "run"), "--export", str(tmp_path / "p.html"), "--split", "all"]) == 0
    assert "p.html written" in capsys.readouterr().out
    blob = re.search(r'id="blob-run-0">([^<]*)<', (tmp_path / "p.html").read_text(encoding="utf-8"))[1]
    meta, arrays = packing.unpack(base64.b64decode(blob))
    assert meta["n"] == len(arrays["codes"]) == 120 and "labels" not in arrays
    for wrong in (["explore"], ["explore", str(tmp_path)], ["explore", str(tmp_path / "run"), "--split", "x"]):
        assert main(wrong) == 2
        assert capsys.readouterr().err.count("\n") == 1
