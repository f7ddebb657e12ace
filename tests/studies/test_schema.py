"""The schema of study files: what the reader takes is valid, and what an editor should underline is not."""

import dataclasses
import json
import tomllib

import pytest
from jsonschema import Draft202012Validator

from latente.cli.main import main
from latente.errors import SpecError
from latente.evaluation.scores import scores
from latente.evaluation.spec_file import parts_of
from latente.objective.presets import FAMILIES, presets
from latente.spec import DataSpec, ModelSpec, TrainSpec, as_dict
from latente.studies.schema import study_schema
from latente.studies.study_file import TOP, read_study, shipped

SCHEMA = study_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def is_valid(text):
    return VALIDATOR.is_valid(tomllib.loads(text))


def is_read(text, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(text)
    try:
        read_study(path)
    except SpecError:
        return False
    return True


def test_it_is_a_schema_of_the_draft_it_names():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"].endswith("2020-12/schema")
    assert json.loads(json.dumps(SCHEMA, allow_nan=False)) == SCHEMA


@pytest.mark.parametrize("name", list(shipped()))
def test_shipped_studies_are_valid(name):
    assert not list(VALIDATOR.iter_errors(tomllib.loads(shipped()[name])))


def test_every_key_and_name_is_completed():
    assert list(SCHEMA["properties"]) == list(TOP)
    assert set(SCHEMA["properties"]["data"]["properties"]) == set(DataSpec.__dataclass_fields__)
    run = SCHEMA["properties"]["runs"]["additionalProperties"]["properties"]
    assert set(run) >= {"preset", "name", "train", "code_activation", *ModelSpec.__dataclass_fields__}
    assert set(run["train"]["anyOf"][0]["properties"]) == set(TrainSpec.__dataclass_fields__)
    assert set(run["preset"]["anyOf"][0]["enum"]) == set(presets)
    for kind, family in FAMILIES.items():
        assert set(SCHEMA["$defs"][kind]["anyOf"][0]["enum"]) == set(family)
        for name in family:
            assert set(run) >= set(family.options(name))
    for table in (SCHEMA["$defs"]["train"], SCHEMA["properties"]["data"], run["start"]):
        assert all("description" in schema for schema in table["properties"].values())


def without_none(value):
    if isinstance(value, dict):
        return {k: without_none(v) for k, v in value.items() if v is not None}
    return [without_none(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", list(presets))
def test_presets_with_every_option_written_out_are_valid(name):
    spec = presets[name]()
    run = {"preset": name, **without_none(as_dict(spec)), **without_none(parts_of(spec))}
    study = {
        "runs": {"m": {**run, "train": without_none(as_dict(TrainSpec()))}},
        "data": without_none(as_dict(DataSpec())),
    }
    assert not list(VALIDATOR.iter_errors(study))


@pytest.mark.parametrize("kind", list(FAMILIES))
def test_parts_and_scores_with_their_defaults_are_valid(kind):
    for part in FAMILIES[kind]:
        try:
            made = FAMILIES[kind].make(part)
        except SpecError:
            continue
        options = without_none(as_dict({o: getattr(made, o) for o in FAMILIES[kind].options(part)}))
        study = {"runs": {"m": {"preset": "VAE", kind: {"name": part, **options}}}}
        assert not list(VALIDATOR.iter_errors(study)), part
    for name in scores:
        made = scores.make(name)
        options = without_none(as_dict({o: getattr(made, o) for o in scores.options(name)}))
        assert VALIDATOR.is_valid({"runs": {"m": {"preset": "VAE"}}, "scores": [name, {"name": name, **options}]}), name


GOOD = [
    '[runs.m]\npreset = ["VAE", "AE"]\nlatent_dim = [2, 8]',
    '[runs.m]\npreset = "VAE"\nhidden = [[16], [32, 16]]\ntrain = { epochs = [1, 2], learning_rate = [1, 1e-3] }',
    '[runs.m]\npreset = "VAE"\ntrain = [{ epochs = 1 }, { epochs = { at_least = 1, steps = 5 } }]',
    '[runs.m]\npreset = "IWAE"\nsamples = [2, 5]\nprior = ["vamp", { name = "vamp", pseudo_inputs = 3 }]',
    '[runs.m]\npreset = "BetaVAE"\nbeta = { name = "linear", steps = 5 }',
    '[runs.m]\npreset = "FSQVAE"\nlevels = [[8, 5], [4, 4]]',
    '[runs.m]\npreset = "VAE"\nlikelihood = { name = "self-masked", of = { name = "gaussian", sigma = 0.5 } }',
    '[runs.m]\npreset = "VAE"\nlikelihood = { name = "gaussian", sigma = "learned" }',
    'seeds = [0, 4]\ntitle = "A"\n[data]\nsource = "a.csv"\nscale = 255\nlabels = false\nindex = "id"\n'
    'condition = "age"\nwithout = [3]\n[runs.m]\npreset = "VAE"',
    '[runs.m]\npreset = "VAE"\n[runs.m.train]\nschedule = "stages"\nstages = [[1, 1e-3], [2, 1e-4]]\nepochs = 3',
]

BAD = [
    "",
    "[runs]",
    "runs = 3",
    "[runs.m]\nlatent_dim = 2",
    '[run.m]\npreset = "VAE"',
    '[runs.m]\npreset = "VEA"',
    '[runs.m]\npreset = ["VAE", "VEA"]',
    '[runs.m]\npreset = "VAE"\nlatentdim = 2',
    '[runs.m]\npreset = "VAE"\nlatent_dim = 0',
    '[runs.m]\npreset = "VAE"\nlatent_dim = "2"',
    '[runs.m]\npreset = "VAE"\nlatent_dim = []',
    '[runs.m]\npreset = "VAE"\nhidden = 16',
    '[runs.m]\npreset = "VAE"\nhidden = [16, 0]',
    '[runs.m]\npreset = "VAE"\nprior = "vampp"',
    '[runs.m]\npreset = "VAE"\nprior = { pseudo_inputs = 3 }',
    '[runs.m]\npreset = "VAE"\nprior = { name = "vamp", pseudo_input = 3 }',
    '[runs.m]\npreset = "VAE"\ncondition = "label"',
    '[runs.m]\npreset = "VAE"\nmissing = "yes"',
    '[runs.m]\npreset = "VAE"\ntrain = { epoch = 3 }',
    '[runs.m]\npreset = "VAE"\ntrain = { epochs = 0 }',
    '[runs.m]\npreset = "VAE"\ntrain = { epochs = { steps = 3 } }',
    '[runs.m]\npreset = "VAE"\ntrain = { learning_rate = 0 }',
    '[runs.m]\npreset = "VAE"\ntrain = { stages = [[1, 1e-3, 2]] }',
    '[runs.m]\npreset = "FSQVAE"\nlevels = "many"',
    'seeds = 0\n[runs.m]\npreset = "VAE"',
    'seeds = [1, 1]\n[runs.m]\npreset = "VAE"',
    'title = " "\n[runs.m]\npreset = "VAE"',
    '[data]\nsorce = "mnist"\n[runs.m]\npreset = "VAE"',
    '[data]\nscale = "units"\n[runs.m]\npreset = "VAE"',
    '[data]\nscale = 0\n[runs.m]\npreset = "VAE"',
    '[data]\nvalidation = 1.5\n[runs.m]\npreset = "VAE"',
    '[data]\nlabels = true\n[runs.m]\npreset = "VAE"',
    'scores = ["nill"]\n[runs.m]\npreset = "VAE"',
    'scores = [{ name = "nll", sample = 5 }]\n[runs.m]\npreset = "VAE"',
]


@pytest.mark.parametrize("text", GOOD)
def test_what_the_reader_takes_is_valid(text, tmp_path):
    assert is_read(text, tmp_path)
    assert not list(VALIDATOR.iter_errors(tomllib.loads(text)))


@pytest.mark.parametrize("text", BAD)
def test_mistakes_are_no_more_valid_than_the_reader_takes_them(text):
    assert not is_valid(text)


def test_a_part_that_is_registered_later_is_in_it(monkeypatch):
    monkeypatch.setattr(FAMILIES["network"], "_entries", dict(FAMILIES["network"]._entries))

    @FAMILIES["network"].register("mine")
    @dataclasses.dataclass(frozen=True)
    class Mine:
        """A network of one's own."""

        width: int = 3

    made = Draft202012Validator(study_schema())
    assert made.is_valid({"runs": {"m": {"preset": "VAE", "network": {"name": "mine", "width": 4}}}})
    assert not made.is_valid({"runs": {"m": {"preset": "VAE", "network": {"name": "mine", "width": "4"}}}})


def test_the_command_prints_it(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
