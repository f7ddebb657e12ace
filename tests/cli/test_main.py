"""The command line: every command, and one line for every mistake."""

import json

import numpy as np
import pytest
from made import blobs

from latente import __version__
from latente.cli.main import main


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LATENTE_DATA", str(tmp_path / "cache"))
    x, y = blobs(400, (8, 8))
    np.savez(tmp_path / "pictures.npz", x=x, y=y)
    return tmp_path


STUDY = """
title = "two"
[data]
source = "pictures.npz"
[runs.vae]
preset = "VAE"
hidden = [8]
train = { epochs = 2, batch_size = 64 }
[runs.ae]
preset = "AE"
latent_dim = 2
hidden = [8]
train = { epochs = 2, batch_size = 64 }
"""


@pytest.mark.slow
def test_from_init_to_report(here, capsys):
    assert main(["init"]) == 0 and (here / "study.toml").exists()
    assert main(["init"]) == 2
    assert "study.toml: exists; nothing is overwritten" in capsys.readouterr().err
    (here / "two.toml").write_text(STUDY)
    assert main(["run", "two.toml", "--out", "out", "--lang", "en"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "out"
    assert "epoch 2/2" in captured.err and "loss" in captured.err
    assert main(["run", "two.toml", "--out", "quiet", "--quiet", "--jobs", "1"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "quiet\n" and captured.err == ""
    assert main(["show", "out"]) == 0
    assert "vae" in capsys.readouterr().out
    assert main(["show", "out/runs/vae/seed-0"]) == 0
    shown = capsys.readouterr().out
    assert "run vae, seed 0" in shown and "batch_size = 64" in shown
    assert main(["list", "."]) == 0
    assert "out  2/2 runs, finished: two" in capsys.readouterr().out
    assert main(["report", "out", "--lang", "pt", "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == "out/report.html"


@pytest.mark.slow
def test_the_default_folder_is_new_each_time(here, capsys):
    (here / "two.toml").write_text(STUDY)
    folders = []
    for _ in range(2):
        assert main(["run", "two.toml", "--quiet", "--jobs", "1"]) == 0
        folders.append(capsys.readouterr().out.strip())
    assert len(set(folders)) == 2 and all((here / f / "report.html").exists() for f in folders)


def test_data_and_doctor(here, capsys):
    assert main(["data", "list"]) == 0
    out = capsys.readouterr().out
    assert all(n in out for n in ("mnist-5k", "digits", "mnist", "fashion-mnist", "kmnist"))
    assert main(["data", "show", "pictures.npz"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["counts"] == {"train": 256, "validation": 64, "test": 80} and card["shape"] == [8, 8]
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert all(w in out for w in ("jax", "devices", "data cache", "compile cache", __version__))


def test_commands_answer_in_the_language_of_the_locale(here, capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["init"]) == main(["list"]) == main(["data", "list"]) == main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "study.toml foi gravado; edite-o" in out and "estudos que acompanham o latente: burda" in out
    (digits,) = (line for line in out.splitlines() if line.startswith("digits "))
    assert "1.797" in digits and "sim" in digits and "dígitos manuscritos" in digits
    assert "dispositivos" in out and "cache de dados" in out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], 'unknown command "rnu"; did you mean "run"?'),
        (["show"], "the following arguments are required: RUN"),
        (["run", "--dta", "x"], 'unknown option of latente run "--dta"; did you mean "--data"?'),
        (["data", "show", "digits", "--scael=none"], 'did you mean "--scale"?'),
        (["list", "a", "b"], 'latente list: got "b" too many'),
        (["data", "fetch"], 'unknown command "fetch"'),
        (["models", "vea"], 'unknown part or preset "vea"; did you mean "VAE"?'),
        (["run", "--lang", "fr"], 'unknown --lang "fr"'),
        (["run", "--seeds", "x"], 'argument --seeds: got "x"; allowed: how many (3), or which (0,3,7)'),
        (["run", "--jobs", "x"], 'argument --jobs: got "x"; allowed: a whole number'),
        (["run", "--resume"], "resume: got no out"),
        (["compare", "a", "--share", "x"], 'argument --share: got "x"; allowed: a number'),
        (["run", "--seeds", "0"], "study.seeds: got 0"),
        (["run", "notbook"], 'unknown study "notbook"; did you mean "notebook"?'),
        (["run", "--data", "mnits"], 'unknown data set "mnits"; did you mean "mnist"?'),
        (["run", "--data", "pictures.np"], "pictures.npz"),
        (["run", "--set", "vae.train.epochs=many"], "runs.vae.train.epochs: got 'many'"),
        (["run", "--data", "pictures.npz", "--set", "train.batch_size=1000"], "fewer than one batch of 1000"),
        (["run", "--data", "pictures.npz", "--out", "pictures.npz"], "is a file; --out takes a folder"),
        (["show", "nowhere"], "nowhere: no such folder"),
        (["show", "."], "is not a run folder"),
        (["data", "show", "no\x1b[31m.csv"], "no\\x1b[31m.csv: no such file"),
        (["report", "nowhere"], "is not a study folder"),
        (["list", "nowhere"], "nowhere: no such folder"),
        (["data", "show", "nothing"], 'unknown data set "nothing"'),
        (["init", "--study", "x"], 'unknown study "x"'),
        (["init", "/proc/nowhere/x.toml"], "cannot be written"),
    ],
)
def test_every_mistake_is_one_line_and_exit_code_2(here, capsys, arguments, message):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1 and "Traceback" not in captured.err
    assert not (here / "runs").exists()


def test_without_a_command_there_is_help(capsys):
    assert main([]) == 0 and "perform a study" in capsys.readouterr().out
    assert main(["data"]) == 0
    out = capsys.readouterr().out
    assert "the data card of a named data set" in out and "fetch" not in out


def test_an_error_of_our_own_is_one_line_too(here, capsys, monkeypatch):
    from latente.studies import study_file

    def broken(*args, **options):
        raise RuntimeError("of ours\nin two lines")

    monkeypatch.setattr(study_file, "shipped", broken)
    assert main(["init", "x.toml"]) == 2
    assert capsys.readouterr().err == (
        "latente: unexpected RuntimeError: of ours in two lines (LATENTE_DEBUG=1 shows where; please report it)\n"
    )


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0 and capsys.readouterr().out == f"latente {__version__}\n"
