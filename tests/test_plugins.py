"""Plug-ins: their parts are found, recorded and asked for; broken, clashing, missing and untrusted ones are told."""

import contextlib
import importlib
import json
import sys
import warnings

import numpy as np
import pytest

import latente
from latente import plugins
from latente.cli.main import main
from latente.errors import DataError, LatenteWarning, SpecError, StoreError
from latente.language.words import Words, add_toml
from latente.model.networks import networks
from latente.plugins import Plugin, Used

NETWORK = '''
from latente.model.networks import networks
from latente.model.networks.mlp import MLPNetwork

@networks.register("{0}", source="Nobody 2026")
class Mine(MLPNetwork):
    """A network for tests."""
'''
DATA = """
import numpy as np
from latente.data.datasets import DATA_SETS
from latente.data.source import make_source

@DATA_SETS.register("ramps")
def ramps():
    "Grey ramps."
    return make_source("ramps", np.linspace(0, 1, 300 * 30, dtype=np.float32).reshape(300, 6, 5))
"""
SCORE = """
from dataclasses import dataclass
from latente.evaluation.evaluate import Metric
from latente.evaluation.measured import Measured
from latente.evaluation.scores import Score, scores

@scores.register("seven")
@dataclass(frozen=True)
class Seven(Score):
    def columns(self):
        return {"seven": None}

    def measure(self, run, split, on_batch=None):
        return Measured({"seven": Metric(7.0, 0.5)})
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Makes installed packages of one module each, in a process that has not looked for plug-ins yet."""
    site, parts, modules = tmp_path / "site", set(plugins._parts), set(sys.modules)
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def forget():
        plugins._take_back(
            part for part in set(plugins._parts) - parts if plugins._top(plugins._module(*part)) != "latente"
        )
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
                del sys.modules[name]
        for name, value in {"_state": "fresh", "_points": {}, "_broken": {}}.items():
            monkeypatch.setattr(plugins, name, value)
        importlib.invalidate_caches()

    def add(name, code, version="1.0", point=None):
        module = name.replace("-", "_")
        (site / f"{module}.py").write_text(code)
        for old in site.glob(f"{module}-*.dist-info"):
            old.rename(tmp_path / f"old-{old.name}")
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[latente]\n{point or name} = {module}\n")
        forget()

    forget()
    add.forget = forget
    yield add
    forget()


def uninstall(install, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(tmp_path / "site")])
    install.forget()


def test_a_run_says_whose_its_parts_are_and_asks_for_them(install, tiny, tmp_path, monkeypatch):
    install("latente-mine", NETWORK.format("mine"))
    install("latente-other", NETWORK.format("other"))
    assert plugins._state == "fresh"
    assert {"mine", "other", "mlp"} <= set(networks) and plugins._state == "done"
    assert networks.source("mine") == "Nobody 2026; plug-in latente-mine 1.0"
    assert (plugins.whose("network", "mine"), plugins.whose("network", "mlp")) == ("latente-mine 1.0", "latente")
    run = latente.fit(latente.VAE(2, hidden=(4,), network="mine"), tiny, epochs=1, batch_size=64, progress=False)
    # Of the two that are installed only the one whose part is in the spec.
    assert run.plugins == (Used(Plugin("latente-mine", "1.0"), (("network", "mine"),)),)
    assert "plug-ins latente-mine 1.0: network mine" in " ".join(repr(run).split())
    folder = run.save(tmp_path / "run")
    assert json.loads((folder / "spec.json").read_text())["plugins"] == [
        {"package": "latente-mine", "version": "1.0", "parts": {"network": ["mine"]}}
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = latente.load(folder)
    assert again.plugins == run.plugins
    assert np.array_equal(again.encode(tiny.test.x), run.encode(tiny.test.x))
    # A copy keeps what the run was trained with.
    install("latente-mine", NETWORK.format("mine"), "2.0")
    with pytest.warns(LatenteWarning, match=r"what was made with latente-mine 1.0 is opened with latente-mine 2.0"):
        copy = latente.load(folder).save(tmp_path / "copy")
    assert json.loads((copy / "spec.json").read_text())["plugins"][0]["version"] == "1.0"

    install("latente-mine", NETWORK.format("renamed"), "3.0")
    with pytest.raises(StoreError, match=r"latente-mine 1.0, and latente-mine 3.0 has none; install latente-mine==1.0"):
        latente.load(folder)
    install("latente-mine", "import nothing_of_this_name", "4.0")
    with pytest.warns(LatenteWarning), pytest.raises(StoreError, match="whose import fails with ModuleNotFoundError"):
        latente.load(folder)
    uninstall(install, monkeypatch, tmp_path)
    with pytest.raises(StoreError) as error:
        latente.load(folder)
    assert str(error.value) == (
        f'{folder}: its network "mine" comes from the plug-in latente-mine 1.0, which is not installed; if you '
        "trust it, pip install latente-mine==1.0"
    )


def test_a_data_set_or_a_score_that_is_gone_leaves_the_model(install, tmp_path, monkeypatch, capsys):
    install("latente-ramps", DATA + SCORE)
    data = latente.load_data("ramps")
    run = latente.fit(latente.VAE(2, hidden=(4,)), data, epochs=1, batch_size=64, progress=False)
    assert run.score("seven", "validation").values["seven"].value == 7.0
    folder = run.save(tmp_path / "run")
    assert latente.load(folder).measured["validation"]["seven"].name == "seven"
    assert latente.load(folder).data.fingerprint == data.fingerprint
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["data", "list"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("ramps"))
    assert row.split(maxsplit=5) == ["ramps", "?", "?", "?", "yes", "Grey ramps (plug-in latente-ramps 1.0)"]
    uninstall(install, monkeypatch, tmp_path)
    with pytest.warns(LatenteWarning, match='left out: score "seven" comes from latente-ramps 1.0, which is'):
        again = latente.load(folder)
    assert again.measured == {} and again.metrics["validation"]["seven"].value == 7.0
    assert np.array_equal(again.encode(data.test.x), run.encode(data.test.x))
    with pytest.raises(
        DataError, match='its data set "ramps" comes from the plug-in latente-ramps 1.0, which is not inst'
    ):
        _ = again.data


def test_what_is_broken_is_a_line_and_the_rest_works(install, tmp_path, monkeypatch):
    half = NETWORK.format("half") + "from latente.language.words import add_toml\nadd_toml('a.half = \"x\"')\n"
    install("latente-raises", half + "raise OSError('no licence\\nfound')")
    install("latente-clash", NETWORK.format("unseen") + NETWORK.format("mlp"))
    install("latente-leaves", "raise SystemExit(3)")
    install("latente-late", NETWORK.format("fine"))
    install("latente-twice", NETWORK.format("fine"))
    install("latente-same", NETWORK.format("same"), point="shared")
    install("latente-equal", NETWORK.format("equal"), point="shared")
    with pytest.warns(LatenteWarning) as said:
        found = set(networks)
    assert {str(w.message) for w in said} == {
        'plug-in "latente-raises" of latente-raises 1.0 is left out: its import fails with OSError: no licence found',
        'plug-in "latente-clash" of latente-clash 1.0 is left out: its import fails with ValueError: network "mlp" is '
        "registered twice, first by latente",
        'plug-in "latente-leaves" of latente-leaves 1.0 is left out: its import fails with SystemExit: 3',
        'plug-in "latente-twice" of latente-twice 1.0 is left out: its import fails with ValueError: network "fine" is '
        "registered twice, first by latente-late 1.0",
        'plug-in "shared": latente-equal 1.0 and latente-same 1.0 are both called so, and neither is loaded; uninstall '
        "one",
    }
    # Nothing stays of those that failed halfway.
    assert {"fine", "mlp", "conv"} <= found and not {"half", "unseen", "same", "equal"} & found
    assert "a.half" not in Words("en").templates and "latente_raises" not in sys.modules
    assert plugins.whose("network", "fine") == "latente-late 1.0"


def test_a_package_that_is_imported_by_hand_first_is_its_own(install):
    install("latente-mine", NETWORK.format("mine"))
    importlib.import_module("latente_mine")
    assert plugins.owner("network", "mine") == Plugin("latente-mine", "1.0")


def test_help_waits_for_no_plugin(install, capsys):
    install("latente-raises", "raise OSError")
    for arguments in (["--help"], ["run", "--help"], []):
        with contextlib.suppress(SystemExit):
            main(arguments)
        assert plugins._state == "fresh" and "left out" not in capsys.readouterr().err


def test_a_file_is_executed_once_and_again_when_it_changed(install, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(NETWORK.format("mine"))
    first = latente.load_plugin(file)
    assert first is latente.load_plugin(str(file)) and str(first).startswith("mine.py (SHA-256 ")
    assert plugins.owner("network", "mine") == first
    with pytest.raises(
        SpecError, match=r'copy.py: line 6: ValueError: network "mine" is registered twice, first by mine.py'
    ):
        (tmp_path / "copy.py").write_text("# another\n" + NETWORK.format("mine"))
        latente.load_plugin(tmp_path / "copy.py")
    file.write_text(NETWORK.format("renamed"))
    latente.load_plugin(file)
    assert "renamed" in networks and "mine" not in networks


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mine.py", "x = 1\n\nraise KeyError('k')\n", "plug-in mine.py: line 3: KeyError: 'k'"),
        ("mine.py", "x = 1\nif x\n    pass", "plug-in mine.py: line 2: SyntaxError: expected ':'"),
        ("mine.py", "import sibling", "plug-in mine.py: line 1: ModuleNotFoundError: No module named 'sibling'"),
        ("study.toml", "", "plug-in: got study.toml; allowed: a Python file, whose name ends in .py"),
        ("none.py", None, "plug-in: there is no file {}/none.py"),
    ],
)
def test_a_file_that_fails_is_a_line(install, tmp_path, capsys, monkeypatch, name, text, message):
    monkeypatch.setenv("LC_ALL", "C")
    (tmp_path / "sibling.py").write_text("")
    if text is not None:
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert main(["models", "mlp", "--plugin", name]) == 2
    assert capsys.readouterr().err == f"latente: {message.format(tmp_path)}\n"


@pytest.mark.parametrize(
    "record",
    [
        [{"package": "x; rm -rf", "version": "1", "parts": {}}],
        [{"package": "x", "version": "1 && id", "parts": {}}],
        [{"file": "../mine.py", "sha256": "0" * 64, "parts": {}}],
        [{"file": "mine.py", "sha256": "0", "parts": {}}],
        [{"file": "mine.py", "sha256": "0" * 64, "parts": {"network": "mlp"}}],
        [{"package": "x", "version": "1"}],
        {"package": "x"},
        ["x"],
    ],
)
def test_a_record_of_another_form_is_damage(record):
    with pytest.raises((ValueError, TypeError, KeyError)):
        plugins.read_used(record)


def test_words_are_in_both_languages_and_new(install):
    for text, message in [
        ("x", "is no file of words"), ("a.b.en = 'x'", "b has en; allowed: en and pt"),
        ("and = 'x'", "words: and has words already"),
    ]:  # fmt: skip
        with pytest.raises(SpecError, match=message):
            add_toml(text)
    add_toml('figure.mine.caption.en = "one {n}"\nfigure.mine.caption.pt = "um {n}"')
    assert (Words("en")("figure.mine.caption", n=1), Words("pt")("figure.mine.caption", n=1)) == ("one 1", "um 1")
    with pytest.raises(SpecError, match=r'no words for "figure.mine.alt"'):
        Words("en")("figure.mine.alt")


PARTS = (
    NETWORK.format("mine")
    + """
from latente.report.figures import figures

@figures.register("flat")
def flat(study):
    from matplotlib.figure import Figure
    from latente.report.figures.figure_file import as_svg
    figure = Figure(figsize=(2, 1))
    figure.subplots()
    yield as_svg("flat", figure, "A caption of mine.", "Nothing.", group="models")

@figures.register("fails")
def fails(study):
    yield study.nothing
"""
)
STUDY = """
seeds = 1
[plugins]
files = ["mine.py"]
[data]
source = "pictures.npz"
[runs.own]
preset = "VAE"
network = "mine"
hidden = [4]
train = { epochs = 1, batch_size = 64 }
[runs.plain]
preset = "VAE"
hidden = [4]
train = { epochs = 1, batch_size = 64 }
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("default::latente.errors.LatenteWarning")
def test_a_study_with_a_file_from_its_first_run_to_its_report(install, tmp_path, monkeypatch, capsys):
    from made import blobs

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C")
    np.savez(tmp_path / "pictures.npz", **dict(zip("xy", blobs(300, (6, 5)), strict=True)))
    (tmp_path / "mine.py").write_text(PARTS)
    (tmp_path / "study.toml").write_text(STUDY)
    untrusted = (
        "study.toml: names a Python file, mine.py, which would be executed; read it, and if you trust it, say --trust "
        "on the command line, trust=True in Python"
    )
    for command in (["run", "study.toml", "--out", "out"], ["check", "study.toml"]):
        assert main(command) == 2 and capsys.readouterr().err == f"latente: {untrusted}\n"
    assert not (tmp_path / "out").exists() and "mine" not in networks
    assert main(["run", "study.toml", "--trust", "--jobs", "2", "--out", "out", "--quiet"]) == 0
    assert 'figure "fails" of mine.py' in capsys.readouterr().err
    page = (tmp_path / "out" / "report.html").read_text()
    sha = plugins.owner("network", "mine").sha256
    assert "A caption of mine." in page and f"SHA-256 {sha}" in page
    record = json.loads((tmp_path / "out" / "study.json").read_text())["plugins"]
    assert record == [{"file": "mine.py", "sha256": sha, "parts": {"network": ["mine"], "figure": ["flat", "fails"]}}]
    assert "plugins" not in json.loads((tmp_path / "out/runs/plain/seed-0/spec.json").read_text())

    # Nothing that a folder names is executed; each command takes the file, and says so.
    install.forget()
    run = "out/runs/own/seed-0"
    asks = (
        f'latente: {run}: its network "mine" comes from the file mine.py (SHA-256 {sha[:12]}…), which is not loaded; '
        'if you have it and trust it, give it: --plugin mine.py, or latente.load_plugin("mine.py") in Python\n'
    )
    commands = "show RUN; evaluate RUN; compare out; explore RUN --export a.html; encode RUN pictures.npz -o c.npz"
    for command in commands.replace("RUN", run).split("; "):
        assert main(command.split()) == 2, command
        assert capsys.readouterr().err == asks, command
    assert main(["report", "out", "--quiet"]) == 2
    assert capsys.readouterr().err == asks.replace(run, "out")
    assert "mine" not in networks
    assert main(["report", "out", "--quiet", "--plugin", "mine.py"]) == 0
    assert (tmp_path / "out" / "report.html").read_text() == page
    assert main(["evaluate", run, "--metrics", "mean-mse", "--plugin", "mine.py"]) == 0
    capsys.readouterr()

    # A file of another content is told where a run is read, and refused where a study is gone on with.
    install.forget()
    (tmp_path / "mine.py").write_text(PARTS + "# another\n")
    assert main(["show", run, "--plugin", "mine.py"]) == 0
    now = plugins.owner("network", "mine").sha256
    assert capsys.readouterr().err == (
        f"latente: what was made with mine.py (SHA-256 {sha[:12]}…) is opened with mine.py (SHA-256 {now[:12]}…), and "
        "what they compute may differ\n"
    )
    assert main(["run", "study.toml", "--trust", "--jobs", "1", "--out", "out", "--resume", "--quiet"]) == 2
    assert "out: was begun with mine.py (SHA-256" in capsys.readouterr().err


def test_a_part_of_this_process_alone_needs_one_job(install, tiny):
    networks.register("local")(type("Local", (networks["mlp"],), {"__doc__": "Mine."}))
    study = latente.spec.StudySpec(
        runs=(latente.spec.RunSpec("a", model=latente.VAE(2, network="local")), latente.spec.RunSpec("b"))
    )
    with pytest.raises(SpecError, match='jobs: network "local" was registered in this process alone'):
        latente.run_study(study, jobs=2)
