"""Folders of runs and studies, and a study while it trains."""

import dataclasses
import json
import os

import numpy as np
import pytest

from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import DataError, StoreError
from latente.evaluation.run import train_run
from latente.explorer import launch
from latente.explorer.catalogue import find_runs
from latente.spec import StudySpec, as_dict

EPOCHS = 6


class Stop(Exception):
    pass


@pytest.fixture
def study(vae, wide, data, tmp_path):
    """A study of two runs of which the first is in training; and how to go on with it."""

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


def shared(catalogue, data):
    """The data set of this test is no file, so that a catalogue could read it again."""
    catalogue._shared = lambda spec: data
    return catalogue


@pytest.mark.slow
def test_a_study_is_followed_while_it_trains(study, data):
    folder, go_on = study
    catalogue = shared(find_runs([folder]), data)
    assert [(r["name"], r["state"]) for r in catalogue.table()] == [("vae", "waiting"), ("wide", "waiting")]
    assert catalogue.progress(0)[0] == {"state": "waiting", "done": 0, "asked": EPOCHS, "epochs": [], "history": {}}
    with pytest.raises(DataError, match="still training"):
        catalogue[0]
    for until in (2, 4):
        go_on(0, until)
        meta, arrays = catalogue.progress(0)
        assert (meta["state"], meta["done"], meta["epochs"]) == ("training", until, list(range(1, until + 1)))
        assert len(meta["history"]["val_loss"]) == until and len(arrays["frames"]) == until
        np.testing.assert_array_equal(arrays["originals"], data.validation.x[: len(arrays["originals"])])
    # Other data in the place of that: its images are not the originals of these reconstructions.
    other = split_source(make_source("other", data.train.x[:200]))
    assert "originals" not in shared(find_runs([folder]), other).progress(0)[1]
    run = go_on(0)
    assert "originals" not in shared(find_runs([folder]), other).progress(0)[1]
    meta, arrays = catalogue.progress(0)
    assert (meta["state"], meta["done"]) == ("finished", EPOCHS)
    np.testing.assert_allclose(meta["history"]["loss"], run.history["loss"], rtol=1e-5)
    np.testing.assert_array_equal(arrays["frames"], run.frames)
    assert catalogue.table()[1]["state"] == "waiting"
    np.testing.assert_allclose(catalogue[0].encoded("test")[0], run.encode(data.test.x), atol=1e-5)


def test_a_checkpoint_that_is_cut_off_is_no_error(study, data):
    folder, go_on = study
    go_on(0, 2)
    path = folder / "runs" / "vae" / "seed-0" / "checkpoint.safetensors"
    raw = path.read_bytes()
    for cut in (0, 5, 200, len(raw) // 2):
        path.write_bytes(raw[:cut])
        assert shared(find_runs([folder]), data).progress(0)[0]["done"] == 0


@pytest.mark.slow
def test_the_page_follows_a_study_and_opens_its_first_run(study, data, browser, monkeypatch):
    pytest.importorskip("uvicorn")
    from latente.explorer import catalogue as module

    monkeypatch.setattr(module.RunCatalogue, "_shared", lambda self, spec: data)
    folder, go_on = study
    go_on(0, 2)
    server = launch.serve(folder, port=0, lang="en")
    page = browser.page()
    try:
        page.open(server.url)
        assert page.js("document.body.classList.contains('watching')")
        page.until("document.getElementById('training-state').dataset.done === '2'")
        assert page.js("document.querySelectorAll('#animation .strip canvas').length") == 16
        go_on(0, 4)
        page.until("document.getElementById('training-state').dataset.done === '4'")
        width, height, red = page.pixels("#animation .strip canvas")
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
    catalogue = shared(find_runs([folder]), data)
    path = folder / "runs" / "vae" / "seed-0" / "history.csv"
    whole = path.read_text()
    for damage in (whole.replace("1", "2", 1), whole[:-4]):
        path.write_text(damage)
        with pytest.raises(StoreError, match="history.csv: is not what was written"):
            catalogue.progress(0)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StoreError, match="is a pipe; allowed: a plain file"):
        catalogue.progress(0)
    path.unlink()
    path.write_text(whole)
    np.testing.assert_allclose(catalogue.progress(0)[0]["history"]["loss"], run.history["loss"], rtol=1e-5)


def test_a_study_names_no_folder_outside_itself(study):
    folder, _ = study
    table = json.loads((folder / "study.json").read_text())
    table["runs"][0]["name"] = "../../elsewhere"
    (folder / "study.json").write_text(json.dumps(table))
    with pytest.raises(StoreError, match="for it names a folder"):
        find_runs([folder])


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(StoreError, match="is not a run folder"):
        find_runs([tmp_path])
    (tmp_path / "study.json").write_text('{"seeds": [0]}')
    with pytest.raises(StoreError, match="damaged"):
        find_runs([tmp_path])


def test_a_saved_run_is_explored_from_its_folder(vae, data, tmp_path):
    vae.save(tmp_path / "one")
    catalogue = shared(find_runs([tmp_path / "one"]), data)
    assert catalogue.table() == [{"name": "one", "state": "finished", "epochs": None, "study": False}]
    np.testing.assert_allclose(catalogue[0].encoded("test")[0], vae.encode(data.test.x), atol=1e-5)

    other = shared(find_runs([tmp_path / "one"]), dataclasses.replace(data, fingerprint="0" * 64))
    with pytest.raises(DataError, match="is not the data the run was trained on"):
        other[0]
