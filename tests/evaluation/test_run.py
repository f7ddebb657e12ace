"""A run gives the same for the same examples however they come, and needs its data no more where it is kept."""

import numpy as np
import pytest
from made import blobs, untrained

import latente
from latente.cli.main import main
from latente.errors import DataError, LatenteWarning, SpecError, StoreError
from latente.evaluation.run_files import SCALE

SMALL = {"hidden": (8,)}


X, Y = blobs(120, (6, 5))


def every_code(run, x):
    return run.encode(x), run.reconstruct(x), run.anomaly_scores(x, by="reconstruction")


def same(a, b):
    return all(np.array_equal(one, other) for one, other in zip(a, b, strict=True))


@pytest.mark.slow
def test_bytes_give_the_same_codes_by_every_door():
    data = latente.load_data(X.astype(int))
    run = untrained(data, latente.VAE(2, **SMALL))
    stored = data.validation.x[:3]
    found = every_code(run, stored)
    for x in (stored.astype(int), stored.astype(float), stored.tolist(), stored[..., None], stored[:, None],
              data.values(stored)):  # fmt: skip
        assert same(every_code(run, x), found)
    assert same(every_code(run, stored), [run.encode(data.values(stored), scaled=True), *found[1:]])
    with pytest.raises(DataError, match=r"got fractions from .* to 1.5; .* floats of 0 to 1; or any model values"):
        run.encode(data.values(stored) * 1.5)
    with pytest.raises(DataError, match=r'outside what likelihood "bernoulli" takes, 0 to 1; this run takes bytes'):
        run.encode(data.values(stored) * 1.5, scaled=True)
    assert (run.unscaled(data.values(stored)) == stored).all()
    assert run.unscaled(run.sample(2)).dtype == np.uint8 and run.sample(np.int64(2)).shape == (2, 6, 5)
    with pytest.raises(SpecError, match="sample: got n = 1.5"):
        run.sample(1.5)


@pytest.mark.parametrize("scale", ["minmax", 255])
def test_scaled_numbers_are_the_datas_own(scale):
    data = latente.load_data(X.astype(float) + 0.5 * (scale == "minmax"), scale=scale)
    run = untrained(data, latente.VAE(2, **SMALL))
    stored = data.train.x[:3]
    found = every_code(run, stored)
    assert same(every_code(run, stored.astype(float)), found)
    assert run.encode(data.values(stored), scaled=True) == pytest.approx(found[0], abs=1e-6)
    assert run.unscaled(run.scaled(stored)) == pytest.approx(stored, abs=1e-3)
    with pytest.warns(LatenteWarning, match="say scaled=True where they are model values"):
        run.encode(data.values(stored))


@pytest.mark.parametrize("scale", ["unit", "minmax"])
def test_a_run_from_its_folder_needs_no_data(tmp_path, scale):
    np.savez(tmp_path / "s.npz", x=X if scale == "unit" else X.astype(float))
    data = latente.load_data(tmp_path / "s.npz", scale=scale)
    run = untrained(data, latente.VAE(2, **SMALL))
    stored = data.train.x[:3]
    expected, drawn = every_code(run, stored), run.unscaled(run.sample(2))
    run.metrics["validation"] = {}
    run.save(tmp_path / "run")
    (tmp_path / "s.npz").rename(tmp_path / "t.npz")
    alone = latente.load(tmp_path / "run")
    assert same(every_code(alone, stored), expected) and np.array_equal(alone.unscaled(alone.sample(2)), drawn)
    with pytest.raises(DataError, match=r"did you mean .*t.npz.* If the data has moved, say where it is: --data PATH"):
        _ = alone.data
    assert latente.load(tmp_path / "run", data=tmp_path / "t.npz").data.name == "s"
    with pytest.raises(DataError, match="is not the data the run was trained on"):
        latente.load(tmp_path / "run", data=X[::-1])
    # Older folders have no scale: it follows from the rest, or the data tells.
    (tmp_path / "run" / SCALE).unlink()
    with pytest.raises(DataError, match="If the data has moved"):
        latente.load(tmp_path / "run").encode(stored)
    assert same(every_code(latente.load(tmp_path / "run", data=tmp_path / "t.npz"), stored), expected)


def test_older_folders_of_numbers_as_they_are_need_no_data(tmp_path):
    data = latente.load_data(X / np.float32(255))
    run = untrained(data, latente.VAE(2, **SMALL))
    run.save(tmp_path / "run")
    (tmp_path / "run" / SCALE).unlink()
    alone = latente.load(tmp_path / "run")
    assert np.array_equal(alone.encode(data.train.x[:3]), run.encode(data.train.x[:3]))
    with pytest.raises(DataError, match=r"data=\(x, y\)\), or on the command line --data FILE"):
        _ = alone.data
    assert latente.load(tmp_path / "run", data=X / np.float32(255)).data.fingerprint == data.fingerprint


def test_a_model_of_one_seed_is_its_run(tmp_path):
    run = untrained(latente.load_data(X), latente.VAE(2, **SMALL))
    run.save(tmp_path / "vae" / "seed-0")
    assert latente.load(tmp_path / "vae").spec == run.spec
    run.save(tmp_path / "vae" / "seed-1")
    with pytest.raises(StoreError, match=r"holds 2 runs; name one: .*seed-0 … .*seed-1"):
        latente.load(tmp_path / "vae")


@pytest.mark.slow
def test_where_data_has_moved_every_command_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("s.npz", x=X, y=Y)
    (tmp_path / "one.toml").write_text(
        '[data]\nsource = "s.npz"\n[runs.vae]\npreset = "VAE"\nhidden = [8]\ntrain = { epochs = 1, batch_size = 32 }\n'
    )
    assert main(["run", "one.toml", "--out", "o", "--quiet", "--lang", "en"]) == 0
    (tmp_path / "s.npz").rename("away.npz")
    page = (tmp_path / "o" / "report.html").read_bytes()
    assert str(tmp_path).encode() not in page
    report = ["report", "o", "--lang", "en", "--quiet"]
    assert main(report) == 0
    assert main([*report, "--data", "away.npz"]) == 0
    assert (tmp_path / "o" / "report.html").read_bytes() == page
    for command in (
        ["evaluate", "o/runs/vae", "--metrics", "mean-mse", "--lang", "en"],
        ["prior", "o/runs/vae", "gaussian-mixture", "--set", "components=2", "--out", "p"],
        ["explore", "o/runs/vae", "--export", "page.html"],
    ):
        capsys.readouterr()
        assert main(command) == 2
        assert "If the data has moved, say where it is: --data PATH" in capsys.readouterr().err
        assert main([*command, "--data", "away.npz"]) == 0
    assert main(["show", "o/runs/vae", "--data", "away.npz"]) == 0
    assert "away.npz is the data it was trained on" in capsys.readouterr().out
    np.savez("other.npz", x=X[::-1], y=Y)
    assert main(["show", "o", "--data", "other.npz"]) == 2
    assert "is not the data the run was trained on" in capsys.readouterr().err
    assert main(["compare", "o", "p", "--metrics", "mean-mse", "--data", "away.npz"]) == 0


def test_a_run_and_its_data_are_told_in_a_few_lines():
    data = latente.load_data((X, np.array(["<b>", "\x1b[2J", "c"])[Y]))
    run = untrained(data, latente.VAE(2, **SMALL))
    run.evaluate("validation")
    for shown in (run, data, run.score("mean-mse", "validation")):
        assert 2 < len(repr(shown).splitlines()) <= 12 or not hasattr(shown, "_repr_html_")
        assert len(repr(shown)) < 1200 and "\x1b" not in repr(shown)
    assert "76 train, 20 validation, 24 test" in repr(run) and "76 train" in repr(data)
    assert "posterior gaussian" in repr(run) and "validation  loss " in repr(run)
    assert "\\x1b[2J, &lt;b&gt;, c" in data._repr_html_() and "<table>" in run._repr_html_()
    assert len(repr(data.train)) < 80 and repr(data.train) == "Split(76 examples of 6 × 5 uint8)"
