"""`latente run`, `init`, `list` and `show`: whole lines, by one trained study and runs of made-up numbers."""

import json
import re

import numpy as np
import pytest
from maderuns import made_run

import latente
from latente.cli.main import main
from latente.evaluation.access_log import Access
from latente.spec import StudySpec, as_dict
from latente.studies.study_file import shipped

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


def words(lines):
    return [line.split() for line in lines]


@pytest.mark.slow
def test_from_init_to_report(here, capsys):
    (here / "two.toml").write_text(STUDY)
    assert main(["run", "two.toml", "--out", "out", "--lang", "en"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-2:] == ["report: out/report.html", "out"]
    number = r"\d+\.\d\d"
    said = re.findall(rf"^  (ae|vae): epoch (\d)/2  loss {number}  recon {number}  KL {number}", captured.err, re.M)
    assert sorted(said) == [("ae", "1"), ("ae", "2"), ("vae", "1"), ("vae", "2")]
    assert main(["show", "out", "--data", "pictures.npz"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "two",
        f"data: {here / 'pictures.npz'}",
        "command: latente run two.toml --out out --lang en",
        "pictures.npz is the data it was trained on",
    ]
    # The same table after the run and later, of the numbers that are kept.
    table = lines[4:]
    assert captured.out.splitlines()[:-2] == table and table[0] == "Losses, nats"
    for name, row in zip(("vae", "ae"), words(table[3:5]), strict=True):
        kept = json.loads((here / "out" / "runs" / name / "seed-0" / "metrics.json").read_text())
        loss = [f"{kept[part]['loss']['value']:.2f}" for part in ("train", "validation", "test")]
        kl = f"{kept['test']['kl']['value']:.2f}" if name == "vae" else "–"
        error = f"{kept['test']['loss']['standard_error']:.2f}"
        assert row == [name, "2", *loss, "±", error, f"{kept['test']['reconstruction']['value']:.2f}", kl]
    assert main(["list", "."]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["out  2/2 runs, finished: two"]
    assert main(["report", "out", "--lang", "pt", "--quiet"]) == 0
    assert capsys.readouterr().out == "out/report.html\n"


@pytest.mark.slow
def test_the_default_folder_is_new_each_time_and_quiet_is_the_folder_alone(here, capsys):
    (here / "one.toml").write_text(STUDY.partition("[runs.ae]")[0])
    folders = []
    for _ in range(2):
        assert main(["run", "one.toml", "--quiet", "--jobs", "1"]) == 0
        captured = capsys.readouterr()
        assert captured.out.count("\n") == 1 and captured.err == ""
        folders.append(captured.out.strip())
    assert len(set(folders)) == 2 and all((here / f / "report.html").exists() for f in folders)


def test_a_study_file_is_written_once(here, capsys, monkeypatch):
    assert main(["init"]) == 0
    assert capsys.readouterr().out == "study.toml written; edit it, then: latente run study.toml\n"
    assert (here / "study.toml").read_text() == shipped()["notebook"]
    assert main(["init"]) == 2
    assert capsys.readouterr().err == "latente: study.toml: exists; nothing is overwritten. Give another name\n"
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    assert main(["init", "new/my zoo.toml", "--study", "zoo"]) == 0
    assert capsys.readouterr().out == ("new/my zoo.toml foi gravado; edite-o e depois: latente run 'new/my zoo.toml'\n")
    assert (here / "new" / "my zoo.toml").read_text() == shipped()["zoo"]


def test_studies_that_are_not_finished_or_damaged_are_listed(here, capsys, tiny, monkeypatch):
    assert main(["list"]) == 0
    assert capsys.readouterr().out == "shipped studies: burda, harder, notebook, rate-distortion, vamp, zoo\n"
    run = made_run(tiny)
    for name in ("begun", "damaged"):
        (here / "runs" / name).mkdir(parents=True)
        study = StudySpec("Two seeds", tiny.spec, (0, 1), (run.spec,))
        (here / "runs" / name / "study.json").write_text(json.dumps(as_dict(study)) if name == "begun" else "{")
    run.save(here / "runs" / "begun" / "runs" / "vae" / "seed-0")
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    assert main(["list"]) == 2
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "estudos que acompanham o latente: burda, harder, notebook, rate-distortion, vamp, zoo",
        "runs/begun  1/2 execuções, incompleto: Two seeds",
        "runs/damaged  danificado",
    ]
    *_, wrong, last = captured.err.splitlines()
    assert wrong.startswith("latente: runs/damaged/study.json: ")
    assert last == "latente: 1 dos estudos em runs está com danos, veja acima"


def test_a_run_is_shown_with_its_settings_numbers_and_later_looks(here, capsys, tiny):
    run = made_run(tiny, "vae", 3, latente.VAE(2, hidden=(4,)), loss=np.tile([99.0, 101.0], 30))
    run.test_accesses = [
        Access(f"2026-0{i}-01T12:00:00Z", by, ["nll"]) for i, by in enumerate(("latente run", "latente x"), 1)
    ]
    run.save(here / "a")
    assert main(["show", "a"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "run vae, seed 3"
    assert lines[1].startswith("model: latent_dim = 2, hidden = [4], activation = relu, ")
    assert lines[2].startswith("train: epochs = 4, batch_size = 64, learning_rate = 0.001, ")
    parameters = (30 * 4 + 4) + 2 * (4 * 2 + 2) + (2 * 4 + 4) + (4 * 30 + 30)
    assert lines[4] == f"parameters: {parameters}; epochs: 4; training: 4.5 s"
    assert lines[5:7] == [
        "test part looked at on 2026-01-01T12:00:00Z by latente run: nll",
        "test part looked at on 2026-02-01T12:00:00Z by latente x: nll",
    ]
    # Deviations of 1 over 60 examples: an error of √(60 / 59) / √60.
    assert lines[-2].split() == ["vae", "2", "–", "–", "100.00", "±", "0.13", "100.00", "–"]


def test_of_a_damaged_run_the_numbers_that_are_whole_are_shown(here, capsys, tiny):
    made_run(tiny, loss=np.full(60, 100.5), mse=np.full(60, 0.25)).save(here / "a")
    (here / "a" / "weights.safetensors").write_bytes(b"nothing")
    assert main(["show", "a"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ("vae, seed 0, test: loss = 100.5 ± 0, reconstruction = 100.5 ± 0, mse = 0.25 ± 0\n")
    assert captured.err.startswith("latente: a/weights.safetensors: is not what was written ")
