"""Study files: the shipped one, sweeps, settings, and every way to get one wrong."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

import latente
from latente.errors import SpecError
from latente.model.build import build
from latente.model.likelihoods import likelihoods
from latente.spec import DataSpec, ModelSpec, StartSpec, StudySpec, TrainSpec, as_dict
from latente.studies.study_file import read_study, shipped


def runs(study):
    return {r.name: r for r in study.runs}


def test_the_shipped_study_is_the_notebooks():
    study = read_study()
    named = runs(study)
    sizes = [f"latent-{n}" for n in (2, 8, 16, 32)]
    assert list(named) == ["vae", "ae", *sizes, "warmup-32", "beta-32", "ae-2", "ae-8", "ae-16"]
    assert study.data.source == "mnist-5k" and study.data.seed == 42 and study.data.validation == 0.2
    epochs = {n: r.train.epochs_for(48_000) for n, r in named.items()}
    assert epochs == {"vae": 150, "ae": 10} | dict.fromkeys(list(named)[2:], 5)
    assert {r.train.batch_size for r in study.runs} == {128} and {r.train.learning_rate for r in study.runs} == {1e-3}
    assert {r.model.hidden for n, r in named.items() if n != "ae"} == {(256, 128)}
    assert (named["ae"].model.hidden, named["ae"].model.latent_dim) == ((256,), 32)
    assert named["ae"].model.posterior == {"name": "dirac", "activation": "relu"}
    for size in (2, 8, 16):
        vae, ae = named[f"latent-{size}"], named[f"ae-{size}"]
        assert vae.train == ae.train and vae.model.latent_dim == ae.model.latent_dim == size
        assert ae.model.posterior == {"name": "dirac", "activation": "linear"}


def test_the_next_steps_differ_from_their_plain_vae_in_the_weight_alone():
    named = runs(read_study())
    plain = named["latent-32"]
    for name, beta in (("warmup-32", {"name": "linear", "steps": 100}), ("beta-32", 4.0)):
        assert named[name].model.objective == {"name": "elbo", "beta": beta}
        changed = replace(named[name], name=plain.name, model=replace(named[name].model, objective="elbo"))
        assert changed == plain


def test_the_harder_study_is_the_notebooks_on_other_data():
    easy, hard = read_study(), read_study("harder")
    assert hard.data == replace(easy.data, source="patches") and hard.data != easy.data
    assert hard == replace(easy, title=hard.title, data=hard.data, runs=hard.runs)
    assert [replace(r, data=easy.data) for r in hard.runs] == list(easy.runs)


def test_the_shipped_files_all_read(tmp_path):
    assert "notebook" in shipped()
    for name, text in shipped().items():
        (tmp_path / "copy.toml").write_text(text)
        assert read_study(tmp_path / "copy.toml") == read_study(name)


def test_settings_reach_one_run_one_point_or_all():
    study = runs(
        read_study(
            settings=[
                "vae.train.epochs=20",
                "latent-8.train.epochs=7",
                "latent.train.batch_size=64",
                "ae.code_activation=linear",
                "train.learning_rate=0.01",
                "data.seed=7",
                "activation = tanh",
            ]
        )
    )
    assert study["vae"].train.epochs == 20
    assert study["latent-8"].train.epochs == 7 and study["latent-16"].train.epochs != 7
    assert study["latent-8"].train.batch_size == 64 == study["latent-2"].train.batch_size
    assert study["ae-8"].train.batch_size == 128
    assert study["ae"].model.posterior["activation"] == "linear"
    assert {r.train.learning_rate for r in study.values()} == {0.01}
    assert {r.data.seed for r in study.values()} == {7}
    assert {r.model.activation for r in study.values()} == {"tanh"}


def test_a_setting_may_be_a_sweep():
    study = read_study(settings=["latent.latent_dim=[3, 4]", "vae.train.learning_rate=[0.001, 0.01]"])
    assert {"latent-3", "latent-4", "vae-0.001", "vae-0.01"} <= set(runs(study))


def test_seeds():
    assert read_study(seeds=3).seeds == (0, 1, 2)
    assert read_study(seeds=[4, 9]).seeds == (4, 9)
    expanded = read_study(seeds=2).expanded()
    assert len(expanded) == 22 and [(r.name, r.seed) for r in expanded[:2]] == [("vae", 0), ("vae", 1)]


def test_a_grid_is_every_combination(tmp_path):
    (tmp_path / "s.toml").write_text(
        '[runs.g]\npreset = "VAE"\nlatent_dim = [2, 3]\nhidden = [[8], [16, 8]]\ntrain = { batch_size = [32, 64] }\n'
        'likelihood = { name = "gaussian", sigma = 0.5 }\n'
    )
    study = runs(read_study(tmp_path / "s.toml"))
    assert len(study) == 8 and "g-3-16x8-64" in study
    assert study["g-3-16x8-64"].model.hidden == (16, 8) and study["g-3-16x8-64"].train.batch_size == 64
    build(study["g-2-8-32"].model, (4, 4), key=__import__("jax").random.key(0))


BAD = [
    ('[runs.a]\npreset = "VEA"\n', 'unknown preset "VEA"; did you mean "VAE"?'),
    ('[runs.a]\npreset = "VAE"\nlaten_dim = 2\n', 'unknown key in runs.a "laten_dim"; did you mean "latent_dim"?'),
    ('[runs.a]\npreset = "VAE"\nlatent_dim = "two"\n', "runs.a: model.latent_dim: got 'two'; allowed: a whole number"),
    ('[runs.a]\npreset = "VAE"\nhidden = [256, "x"]\n', "hidden[1]: got 'x'"),
    (
        '[runs.a]\npreset = "VAE"\ntrain = { epoch = 3 }\n',
        'unknown key in runs.a.train "epoch"; did you mean "epochs"?',
    ),
    ('[runs.a]\npreset = "VAE"\ntrain = { epochs = -3 }\n', "runs.a.train.epochs: got -3"),
    ('[runs.a]\npreset = "VAE"\ntrain = 3\n', "runs.a.train: got 3; allowed: a table"),
    ("[runs.a]\nlatent_dim = 2\n", "runs.a: got preset = None; allowed: VAE, AE"),
    ("[runs]\na = 3\n", "runs.a: got 3; allowed: a table"),
    ('title = "x"\n', "study: it has no runs"),
    ('titel = "x"\n[runs.a]\npreset = "VAE"\n', 'unknown key of the study "titel"; did you mean "title"?'),
    ('title = 3\n[runs.a]\npreset = "VAE"\n', "study.title: got 3"),
    ('seeds = 0\n[runs.a]\npreset = "VAE"\n', "study.seeds: got 0"),
    ('seeds = [1, 1]\n[runs.a]\npreset = "VAE"\n', "study.seeds: got [1, 1]"),
    ('data = "mnist"\n[runs.a]\npreset = "VAE"\n', "data: got 'mnist'; allowed: a table, written [data]"),
    ('[data]\nsorce = "mnist"\n[runs.a]\npreset = "VAE"\n', 'unknown key in data "sorce"; did you mean "source"?'),
    ('[data]\nvalidation = 1.5\n[runs.a]\npreset = "VAE"\n', "data.validation: got 1.5"),
    ('[data]\nscale = "min-max"\n[runs.a]\npreset = "VAE"\n', 'unknown scale "min-max"; did you mean "minmax"?'),
    ('[runs."../x"]\npreset = "VAE"\n', "got '../x'; allowed: letters, digits"),
    (f'[runs.{"x" * 256}]\npreset = "VAE"\n', "got a name of 256 characters; allowed: 255 bytes, for it"),
    ('[runs.a]\npreset = "VAE"\n[runs.b]\nname = "a"\npreset = "VAE"\n', '2 are called "a"'),
    ("[runs.a\n", "is not a TOML file"),
    ("title = " + "[" * 100_000, "lie too deep in each other"),
    # A sweep over nothing would take the whole section away.
    ('[runs.a]\npreset = "VAE"\nlatent_dim = []\n', "runs.a.latent_dim: got []; allowed: a value, or a list of at"),
    ('[runs.a]\npreset = "VAE"\ntrain = { epochs = [] }\n', "runs.a.train.epochs: got []"),
    ('[runs.a]\npreset = "VAE"\n[runs.a.points.x]\nlatent_dim = 9\n', 'unknown key in runs.a "points"'),
    # What would be multiplied or made in memory is counted first.
    (
        f'[runs.a]\npreset = "VAE"\nlatent_dim = {list(range(1, 201))}\nbeta = {[i / 8 for i in range(200)]}\n',
        "the sweeps make 40,000 models; allowed: at most 10,000",
    ),
    (
        f'[runs.a]\npreset = "VAE"\ntrain = {{ epochs = {2**63} }}\n',
        f"epochs: got {2**63}; allowed: a whole number of 1 to",
    ),
    (
        f'[runs.a]\npreset = "VAE"\ntrain = {{ batch_size = {2**31} }}\n',
        "allowed: a whole number of at most 2,147,483,647",
    ),
    (f'[runs.a]\npreset = "VAE"\nhidden = {[1] * 201}\n', "model.hidden: got '201 layers'; allowed: at most 200"),
    ('seeds = 1000000000\n[runs.a]\npreset = "VAE"\n', "got 1000000000; allowed: how many seeds (1 to 10,000)"),
    (f'seeds = {list(range(10_001))}\n[runs.a]\npreset = "VAE"\n', "study.seeds: got '10001 seeds'"),
    ('seeds = 6000\n[runs.a]\npreset = "VAE"\nlatent_dim = [1, 2]\n', "2 models with 6,000 seeds each"),
    # JAX would make of 2^32 the random numbers of seed 0.
    (f'seeds = [{2**32}]\n[runs.a]\npreset = "VAE"\n', "study.seeds[0]: got 4294967296; allowed: a whole number of at"),
    (f'[data]\nseed = {2**32}\n[runs.a]\npreset = "VAE"\n', "data.seed: got 4294967296"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_wrong_study_is_one_clear_error(tmp_path, text, message):
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(SpecError) as error:
        read_study(tmp_path / "bad.toml")
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("vae.train.epoch=3", 'unknown key in runs.vae.train "epoch"'),
        ("vea.train.epochs=3", 'unknown run or key "vea"; did you mean "vae"?'),
        ("vae.train.epochs", "allowed: key=value"),
        ("vae=3", "allowed: a key of the run"),
        ("vae.latent_dim.x=3", '"latent_dim" is a single value'),
        ("data.seed=x", "data.seed: got 'x'"),
        ("=3", "allowed: key=value"),
        ("vae.points=1", 'unknown key in runs.vae "points"'),
        ("ae.train.learning_rate=[]", "runs.ae.train.learning_rate: got []"),
    ],
)
def test_a_wrong_setting_is_one_clear_error(setting, message):
    with pytest.raises(SpecError) as error:
        read_study(settings=[setting])
    assert message in str(error.value)


def test_a_setting_of_a_point_that_another_setting_took_away_is_refused():
    with pytest.raises(SpecError, match='unknown run "latent-8"'):
        read_study(settings=["latent-8.train.epochs=3", "latent.latent_dim=[3, 4]"])


def test_an_unknown_study_names_the_nearest():
    with pytest.raises(SpecError, match='unknown study "notbook"; did you mean "notebook"'):
        read_study("notbook")


def test_a_study_without_runs_has_nothing_to_expand():
    assert dataclasses.replace(StudySpec(), seeds=2).expanded() == []


def test_a_path_is_taken_from_beside_the_study_file(tmp_path, monkeypatch):
    """Wherever one stands; names of data sets stay names, and a path on the command line is the current folder's."""
    place = tmp_path / "there"
    (place / "pictures").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    wanted = {"x.npz": place / "x.npz", "../y.csv": place / "../y.csv", "pictures": place / "pictures",
              "./digits": place / "digits", "digits": "digits", "digist": "digist", "~/x.npz": "~/x.npz",
              str(tmp_path / "z.npy"): tmp_path / "z.npy"}  # fmt: skip
    for source, path in wanted.items():
        (place / "s.toml").write_text(f'data.source = "{source}"\n[runs.a]\npreset = "VAE"\n')
        assert read_study("there/s.toml").data.source == str(path)
        assert read_study("there/s.toml", data="w.npz").data.source == "w.npz"
        assert read_study("there/s.toml", settings=["data.source=w.npz"]).data.source == "w.npz"


def test_a_study_file_as_editors_of_windows_save_it(tmp_path):
    text = shipped()["notebook"]
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read_study(tmp_path / "a.toml") == read_study()
    for kind in ("utf-16", "latin-1"):
        (tmp_path / "a.toml").write_bytes(f"# é\n{text}".encode(kind, "ignore"))
        with pytest.raises(SpecError, match=r"a\.toml: is not UTF-8 \(.* at byte \d\); save it as UTF-8"):
            read_study(tmp_path / "a.toml")


def test_numbers_of_numpy_are_numbers():
    two, half = np.int64(2), np.float32(0.5)
    assert read_study(seeds=two).seeds == (0, 1) and read_study(seeds=np.arange(3)).seeds == (0, 1, 2)
    model = ModelSpec(latent_dim=two, hidden=np.array([8, 4]), likelihood={"name": "gaussian", "sigma": half})
    assert as_dict(model) == as_dict(ModelSpec(2, (8, 4), likelihood={"name": "gaussian", "sigma": 0.5}))
    assert type(model.latent_dim) is type(model.hidden[0]) is int and type(model.likelihood["sigma"]) is float
    assert type(likelihoods.make({"name": "gaussian", "sigma": half}).sigma) is float
    assert DataSpec(seed=np.uint8(3), scale=np.float64(255), shape=np.array([2, 3])).shape == (2, 3)
    assert TrainSpec(epochs={"at_least": two, "steps": np.int32(9)}).epochs == {"at_least": 2, "steps": 9}
    for wrong in (np.float64(2.5), np.bool_(True), np.array([2]), np.datetime64("2020")):
        with pytest.raises(SpecError, match="latent_dim: got .*; allowed: a whole number"):
            ModelSpec(latent_dim=wrong)


def test_findings_to_leave_out_are_codes(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text('ignore = ["LT201", "LT3xx"]\n[runs.vae]\npreset = "VAE"\n')
    assert read_study(file).ignore == ("LT201", "LT3xx")
    file.write_text('ignore = ["LT299"]\n[runs.vae]\npreset = "VAE"\n')
    with pytest.raises(SpecError, match='^unknown finding "LT299"'):
        latente.run_study(file, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(SpecError, match=r"^study\.ignore\[0\]: got 'all'; allowed: the code of a finding"):
        read_study(file, settings=['ignore=["all"]'])


def test_a_run_begins_with_another_by_a_path_beside_the_file(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(
        '[runs.a]\npreset = "VAE"\nstart = { run = "parent", freeze = "encoder" }\n'
        '[runs.b]\npreset = "VAE"\nstart = { run = "hf://user/name", require_all = true }\n[runs.c]\npreset = "AE"\n'
    )
    a, b, c = read_study(file).runs
    assert (a.start.run, a.start.freeze, a.start.require_all) == (str(tmp_path / "parent"), ("encoder",), False)
    assert (b.start.run, b.start.require_all, c.start) == ("hf://user/name", True, None)
    # What the command line says is laid over every run.
    begun = read_study(file, begin={"run": "/other"}, settings=["start.freeze=[]", "b.start.require_all=false"]).runs
    assert [(r.start.run, r.start.freeze, r.start.require_all) for r in begun] == [("/other", (), False)] * 3
    with pytest.raises(SpecError, match="runs.c.start: it names no run to begin with; give the folder of one"):
        read_study(file, settings=['c.start.freeze="encoder"'])
    with pytest.raises(SpecError, match='key in runs.a.start.*"frozen".*did you mean "freeze"'):
        read_study(file, settings=["a.start.frozen=1"])


def test_a_run_once_more_is_the_run(tmp_path):
    run = read_study("zoo").runs[7]
    again = read_study(start=run, begin={"run": "/there"})
    assert again.runs == (dataclasses.replace(run, data=again.data, start=StartSpec("/there")),)
    assert again.data == run.data and again.seeds == (run.seed,)
