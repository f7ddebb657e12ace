"""`latente init`: a study file that is valid, and a package of parts that works as it is written."""

import ast
import re
import sys
import tomllib

import numpy as np
import pytest

import latente
from latente import plugins
from latente.cli.init import PACKAGE, write_package
from latente.cli.main import main
from latente.errors import SpecError, StoreError
from latente.language.words import Words


def test_a_study_file_is_written_once(here, capsys):
    assert main(["init"]) == 0 and main(["check", "study.toml", "--no-data"]) == 0
    assert capsys.readouterr().out.startswith("study.toml written; edit it, then: latente run study.toml\n")
    assert main(["init"]) == 2
    assert "study.toml: exists; nothing is overwritten" in capsys.readouterr().err
    assert main(["init", "other.toml", "--study", "zo"]) == 2
    assert 'unknown study "zo"; did you mean "zoo"?' in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Waves", "my_waves", "-waves", "waves-", "../waves", "", "a" * 61])
def test_a_name_that_no_package_can_have(here, name):
    with pytest.raises(SpecError, match="allowed: small letters, digits and hyphens"):
        write_package(name, here / "x")


@pytest.mark.parametrize("name", ["json", "latente", "class"])
def test_a_name_that_is_taken(here, name, capsys):
    assert main(["init", "--plugin", name]) == 2
    assert capsys.readouterr().err == (
        f'latente: --plugin: got "{name}", which Python or latente has already; take a name such as latente-waves\n'
    )
    assert main(["init", "--plugin", "waves", "--study", "zoo"]) == 2
    assert "give one of them" in capsys.readouterr().err


@pytest.mark.slow
def test_the_package_works_as_it_is_written(here, monkeypatch, capsys):
    """Its own tests, which also run a study in two processes, take half a minute once it is installed."""
    assert main(["init", "--plugin", "try-out", "made here"]) == 0
    assert capsys.readouterr().out == (
        "made here written; then: pip install -e 'made here', and latente run 'made here'/study.toml\n"
    )
    folder = here / "made here"
    with pytest.raises(StoreError, match="exists; nothing is overwritten"):
        write_package("try-out", folder)
    files = [p for p in folder.rglob("*") if p.is_file()]
    assert {p.name for p in files} == set(PACKAGE) and not any("@" in p.name for p in files)
    for file in files:
        text = file.read_text()
        assert not re.search("@[A-Z]+@", text)
        if file.suffix == ".py":
            ast.parse(text)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["latente"] == {"try-out": "try_out"}

    info = folder / "src" / "try_out-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: try-out\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[latente]\ntry-out = try_out\n")
    monkeypatch.syspath_prepend(folder / "src")
    monkeypatch.setattr(plugins, "_state", "fresh")
    monkeypatch.setattr(plugins, "_points", {})
    known = set(plugins._parts)
    try:
        kinds = {kind for kind, name in plugins.registered_by_plugins("network", "preset", "data set", "score")}
        reports = {name for _, name in plugins.registered_by_plugins("rule", "figure")}
        assert kinds == {"network", "preset", "data set", "score"} and reports == {"try-out-inside", "try-out-radii"}
        data = latente.load_data("try-out-waves")
        model = latente.preset("TryOutVAE", 2, hidden=(4,), frequency=2.0)
        run = latente.fit(model, data, epochs=1, batch_size=64, progress=False)
        assert [str(one.plugin) for one in run.plugins] == ["try-out 0.1.0"]
        radii = np.linalg.norm(run.encode(data.test.x), axis=1) / np.sqrt(2)
        found = latente.score(run, "try-out-radius").values["try-out-radius"]
        assert found.value == pytest.approx(radii.mean(), rel=1e-5)
        assert found.standard_error == pytest.approx(radii.std() / np.sqrt(120), rel=1e-4)
        for language, said in (("en", "Radius of the codes"), ("pt", "Raio dos códigos")):
            assert Words(language)("score.try-out-radius") == said
        assert main(["check", str(folder / "study.toml"), "--lang", "en"]) == 0
    finally:
        plugins._take_back(p for p in set(plugins._parts) - known if plugins._module(*p).startswith("try_out"))
        for name in [name for name in sys.modules if name.partition(".")[0] == "try_out"]:
            del sys.modules[name]
