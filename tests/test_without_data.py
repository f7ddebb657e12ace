"""A colleague's machine, where the data is not: what a study's folder can do alone, and what truly needs the data."""

import json
import re
import shutil

import numpy as np
import pytest
from made import blobs

import latente
from latente.cli.main import main
from latente.errors import DataError
from latente.evaluation.run_data import AbsentData

pytestmark = pytest.mark.slow

STUDY = """
keep_codes = true
[data]
source = "pictures.npz"
[runs.vae]
preset = "VAE"
hidden = [8]
train = { epochs = 2, batch_size = 64 }
"""


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """Where the study was made, with its data: the numbers that must come again."""
    folder = tmp_path_factory.mktemp("there")
    x, y = blobs(300, (12, 10))
    np.savez(folder / "pictures.npz", x=x, y=y)
    (folder / "study.toml").write_text(STUDY)
    study = latente.run_study(folder / "study.toml", out=folder / "study", lang="en")
    return folder, study.runs[0], x


@pytest.fixture(scope="module")
def here(there, tmp_path_factory):
    """The study's folder alone, elsewhere; the data is gone."""
    folder = tmp_path_factory.mktemp("here")
    shutil.copytree(there[0] / "study", folder / "study")
    np.save(folder / "rows.npy", there[2][:6])
    (there[0] / "pictures.npz").rename(there[0] / "pictures-elsewhere.npz")
    return folder


def run_folder(here):
    return str(here / "study" / "runs" / "vae")


@pytest.mark.parametrize("command", ["encode", "reconstruct", "score", "sample", "show", "export"])
def test_these_need_the_folder_alone(command, here, there, tmp_path, capsys):
    out, run = str(tmp_path / "out.npy"), there[1]
    given = {"sample": ["6", "-o", out], "show": [], "export": ["--to", "torch", "-o", str(tmp_path / "torch")]}
    rows = [str(here / "rows.npy"), "-o", out]
    assert main([command, run_folder(here), *given.get(command, rows)]) == 0, capsys.readouterr().err
    if command in ("show", "export"):
        return
    found, x = np.load(out), there[2][:6]
    if command == "encode":
        np.testing.assert_allclose(found, run.encode(x), atol=1e-5)
    elif command == "score":
        np.testing.assert_allclose(found[:, 1], run.terms(x)["loss"], rtol=1e-5)
    else:
        # In the data's own units: bytes.
        model_values = run.reconstruct(x) if command == "reconstruct" else run.sample(6, seed=0)
        assert found.dtype == np.uint8
        assert np.abs(found.astype(int) - np.rint(255 * model_values)).max() <= 1


def test_the_library_needs_the_folder_alone(here, there):
    run, x = latente.load(run_folder(here)), there[2][:6]
    np.testing.assert_allclose(run.anomaly_scores(x, "nll"), there[1].anomaly_scores(x, "nll"), rtol=1e-5)
    np.testing.assert_array_equal(run.unscaled(run.sample(3)), there[1].unscaled(there[1].sample(3)))
    assert isinstance(run.known_data, AbsentData) and len(run.known_data.train) == 192
    fingerprint = run.card["fingerprint"][:12]
    with pytest.raises(DataError, match=rf"pictures.npz: no such file.*\(fingerprint {fingerprint}\)"):
        run.known_data.train.x  # noqa: B018


@pytest.mark.parametrize(
    "command",
    [["evaluate", "--metrics", "nll"], ["prior", "kde", "--out", "P"], ["anomalies", "rows.npy", "-o", "a.csv"]],
)
def test_what_truly_needs_the_data_says_which(command, here, there, capsys, monkeypatch):
    monkeypatch.chdir(here)
    fingerprint = there[1].card["fingerprint"][:12]
    assert main([command[0], run_folder(here), *command[1:]]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pictures.npz: no such file" in line and "--data PATH" in line and f"(fingerprint {fingerprint})" in line
    # And with it, where it is now, it works.
    moved = str(there[0] / "pictures-elsewhere.npz")
    assert main([command[0], run_folder(here), *command[1:], "--data", moved]) == 0, capsys.readouterr().err


def test_the_map_is_of_the_codes_that_were_kept(here, there, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main(["explore", run_folder(here), "--export", str(page), "--lang", "en"]) == 0
    said = capsys.readouterr().err
    assert "the map is of the codes that were kept with the run" in said and there[1].card["fingerprint"][:12] in said
    without, whole = (view_of(run).parts("validation") for run in (latente.load(run_folder(here)), there[1]))
    assert without[0].pop("absent") is True and whole[0].pop("absent") is False
    assert without[0] == whole[0]
    assert without[1].keys() == whole[1].keys()
    for name in whole[1]:
        np.testing.assert_allclose(without[1][name], whole[1][name], atol=1e-5)


def view_of(run):
    from latente.explorer.run_view import RunView

    return RunView(run)


def test_without_codes_the_map_needs_the_data(here, tmp_path, capsys):
    bare = shutil.copytree(run_folder(here), tmp_path / "bare")
    (bare / "seed-0" / "codes.safetensors").unlink()
    (bare / "seed-0" / "manifest.json").unlink()
    assert main(["explore", str(bare), "--export", str(tmp_path / "page.html"), "--lang", "en"]) == 2
    assert "pictures.npz: no such file" in capsys.readouterr().err


def test_the_report_is_written_again_without_data(here, there, capsys):
    folder = here / "study"
    before = (folder / "findings.json").read_bytes()
    kept = json.loads((folder / "report.json").read_text())
    figures = {p.name for p in (folder / "figures").iterdir()}
    assert main(["report", str(folder), "--lang", "pt"]) == 0
    fingerprint = there[1].card["fingerprint"][:12]
    said = capsys.readouterr().err
    assert (
        f"os dados não estão aqui (impressão digital {fingerprint}): as conclusões são as do relatório anterior" in said
    )
    images = "hero-reconstructions.png, hero-samples.png, data.png, film-vae.webp, reconstructions.png"
    assert f"e também estas figuras, na língua dele: {images};" in said
    page = (folder / "report.html").read_text()
    assert 'lang="pt-BR"' in page and f"impressão digital {fingerprint}) não estavam" in page
    assert (folder / "findings.json").read_bytes() == before
    again = json.loads((folder / "report.json").read_text())["figures"]
    assert [f["file"] for f in again] == [f["file"] for f in kept["figures"]]
    assert {p.name for p in (folder / "figures").iterdir()} == figures
    # Written from what is kept once more, in the first language, the conclusions read as they did.
    assert main(["report", str(folder), "--lang", "en"]) == 0
    first, again = ((one / "study" / "report.html").read_text() for one in (there[0], here))
    titles = [set(re.findall('<h2 id="([^"]*)', page)) - {"scores"} for page in (first, again)]
    assert titles[0] == titles[1] and len(titles[0]) > 8 and first.count("<figure") == again.count("<figure") > 8
