"""`latente check`: every mistake of every model at once, and nothing is trained or written."""

import json
import shutil
from pathlib import Path

import pytest

from latente.cli.main import main

GOOD = """
[data]
source = "pictures.npz"
[runs.vae]
preset = ["VAE", "AE"]
latent_dim = 2
train = { epochs = 3, batch_size = 64 }
"""

BAD = """
[data]
source = "pictures.npz"
[runs.fine]
preset = "VAE"
[runs.prior]
preset = "VAE"
prior = "uniform-codes"
[runs.objective]
preset = "AE"
objective = "elbo"
[runs.values]
preset = "VAE"
likelihood = "poisson"
[runs.large]
preset = "VAE"
train = { batch_size = 100000 }
"""


def study(here, text):
    (here / "study.toml").write_text(text)
    return "study.toml"


def test_what_is_fine_is_said_with_its_cost(here, capsys):
    assert main(["check", study(here, GOOD), "--seeds", "2"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "study; models: 2; runs with every seed: 4",
        "pictures: 256 examples to train, 64 to validate, 80 to test, of shape 8×8",
        # 4 steps an epoch, 3 epochs, 2 models, 2 seeds.
        "nothing is wrong with it; training takes 48 steps at most",
    ]
    assert {p.name for p in here.iterdir()} <= {"pictures.npz", "study.toml", "cache"}


def test_every_mistake_is_a_line(here, capsys):
    assert main(["check", study(here, BAD)]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "run " in line or "see above" in line]
    assert [line.split('"')[1] for line in lines[:-1]] == ["prior", "objective", "values", "large"]
    assert "take prior" in lines[0] and "KL is infinite" in lines[1] and "whole numbers only" in lines[2]
    assert "batch_size of at most 256" in lines[3]
    assert lines[-1] == "latente: 4 of 5 models cannot be trained, see above"


def test_without_the_data_parts_are_known(here, capsys):
    (here / "pictures.npz").unlink()
    assert main(["check", study(here, BAD), "--no-data", "--lang", "pt"]) == 2
    said = capsys.readouterr().err
    assert said.count('execução "') == 2 and "2 de 5 modelos" in said
    assert main(["check", study(here, GOOD)]) == 2
    assert "pictures.npz" in capsys.readouterr().err
    assert main(["check", study(here, GOOD), "--no-data"]) == 0


@pytest.mark.parametrize(
    "text, message",
    [
        ("[runs.m]\npreset = 'VEA'", 'unknown preset "VEA"; did you mean "VAE"'),
        ("scores = ['nul']\n[runs.m]\npreset = 'VAE'", 'unknown score "nul"; did you mean "nll"'),
        ("[runs.m]\npreset = 'VAE'\ntrain = {epoch = 1}", 'did you mean "epochs"'),
        ("[runs.m", "is not a TOML file"),
    ],
)
def test_what_is_no_study_is_one_line(here, capsys, text, message):
    assert main(["check", study(here, text), "--no-data"]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_settings_are_checked_with_it(here, capsys):
    assert main(["check", study(here, GOOD), "--set", "vae.objective=vq"]) == 2
    assert "2 of 2 models" in capsys.readouterr().err


@pytest.fixture
def old(tmp_path, monkeypatch):
    monkeypatch.chdir(shutil.copytree(Path(__file__).parents[1] / "old_study", tmp_path / "old"))


def test_a_folder_is_checked_by_its_findings(old, capsys):
    assert main(["check", ".", "--fail-on", "LT301", "--lang", "en"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        any(line.startswith("LT405 info [") for line in lines) and lines[-1] == "asked to fail on LT301: none is found"
    )
    assert lines[-2].startswith("findings: ") and lines[-2].endswith("ask for something (→)")
    assert main(["check", ".", "--fail-on", "LT9xx,error", "--lang", "en"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("asked to fail on LT9xx, error: found LT90")
    assert main(["check", ".", "--fail-on", "LT9xx", "--ignore", "LT9xx"]) == 0


def test_findings_are_lines_of_json(old, capsys):
    assert main(["check", "runs/vae-2/seed-0", "--format", "json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found and all(set(f) == {
        "code", "rule", "severity", "verdict", "found", "about", "text", "evidence", "do"} for f in found)  # fmt: skip


def test_what_does_not_go_together_is_refused(old, here, capsys):
    folders = "the folder of a finished study or run"
    for arguments, message in [
        (["check", "notebook", "--fail-on", "LT201"], f"--fail-on: is for {folders}, and notebook is none"),
        (["check", ".", "--set", "seeds=2"], "--set: is for a study file, and . is none"),
        (["check", ".", "--fail-on", "LT2"], 'unknown finding "LT2"; did you mean "LT'),
        (["check", ".", "--ignore", "warning"], 'unknown finding "warning"'),
        (["check", "notebook", "--ignore", "LT777", "--no-data"], 'unknown finding "LT777"'),
        (["check", "notebook", "--set", 'ignore=["lt2"]', "--no-data"], "study.ignore[0]: got 'lt2'; allowed: the"),
    ]:  # fmt: skip
        assert main([*arguments, "--lang", "en"]) == 2
        assert message in capsys.readouterr().err
