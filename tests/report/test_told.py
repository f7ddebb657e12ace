"""All findings of a folder in one list: of a study's findings.json, of older ones, and of runs."""

import json
import shutil
from pathlib import Path

import pytest

from latente.analysis.conclusions.claims import Finding
from latente.analysis.conclusions.made_up import GOOD
from latente.analysis.conclusions.notebook import find
from latente.analysis.conclusions.registry import NOTEBOOK, SUBJECTS, about, rules
from latente.atomic import write_json
from latente.errors import LatenteWarning, SpecError, StoreError
from latente.language.words import Words
from latente.report.conclusions import as_rows, as_table, every_rule, from_rows, rows_of
from latente.report.told import failing, told_of

EN, PT = Words("en"), Words("pt")
OLD = Path(__file__).parents[1] / "old_study"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study's folder in which every rule is found but for the notebook's."""
    folder = shutil.copytree(OLD, tmp_path_factory.mktemp("told") / "study")
    claims = {r: r.claims_of({"model": "vae-2", **(r.holds if r.found == "holds" else r.fails)})[0]
              for r in every_rule().values() if r.about != NOTEBOOK}  # fmt: skip
    general = {s: rows_of(c for r, c in claims.items() if r.about == s) for s in SUBJECTS if s != NOTEBOOK}
    scored = as_rows([Finding(r.about, (c,)) for r, c in claims.items() if r.about not in SUBJECTS])
    table = {"data": general["data"], "runs": general["run"], "study": general["study"], "scores": scored}
    write_json(folder / "findings.json", as_table(find(GOOD)) | table | {"ignored": ["LT102"]})
    return folder


def test_every_finding_of_a_study_is_told_once_by_its_code(study):
    told = told_of(study, EN)
    assert [t.code for t in told] == sorted(r.code for r in rules.values() if r.code != "LT102")
    assert {t.code for t in told if t.found} == {t.code for t in told} - {r.code for r in about(NOTEBOOK)}
    (one,) = [t for t in told if t.code == "LT301"]
    assert (one.rule, one.severity, one.verdict, one.about) == ("memorised", "error", "holds", "vae-2")
    line = one.line(PT)
    assert line.startswith("LT301 erro [confirma-se] ") and " → " in line
    assert json.loads(one.json())["evidence"] == list(one.evidence)
    (last,) = [t for t in told if t.code == "LT901"]
    assert last.verdict == "holds" and " → " not in last.line(EN) and len(last.evidence) == 2


def test_what_is_asked_to_fail_is_what_is_found(study):
    told = told_of(study, EN)
    assert [t.code for t in failing(told, ["LT301"])] == ["LT301"] and failing(told, ["LT9xx"]) == []
    errors, warnings = (failing(told, [s]) for s in ("error", "warning"))
    assert {t.severity for t in errors} == {"error"} and {t.severity for t in warnings} == {"error", "warning"}
    with pytest.raises(SpecError, match='unknown finding "LT4"'):
        failing(told, ["LT4"])


def test_what_is_left_out(study):
    assert "LT201" not in {t.code for t in told_of(study, EN, ["LT2xx"])}
    with pytest.raises(SpecError, match="unknown finding"):
        told_of(study, EN, ["XY2xx"])


def test_a_study_of_an_older_version_and_a_run_are_told_from_their_numbers(monkeypatch, tmp_path):
    monkeypatch.chdir(shutil.copytree(OLD, tmp_path / "old"))
    told = told_of(Path(), EN)
    assert {"LT102", "LT401", "LT404", "LT405", "LT901", "LT913"} <= {t.code for t in told}
    kept = json.loads(Path("findings.json").read_text())
    assert {t.rule: t.verdict for t in told if t.code > "LT9"} == {f["id"]: f["verdict"] for f in kept["findings"]}
    run = told_of(Path("runs/vae-2/seed-0"), EN)
    assert "LT102" in {t.code for t in run} and not any(t.code.startswith(("LT4", "LT9")) for t in run)
    with pytest.raises(StoreError):
        told_of(tmp_path / "none", EN)


def test_rows_are_read_back_as_they_were():
    for r in rules.values():
        if r.about in ("study", "run", "data"):
            (claim,) = r.claims_of(r.holds)
            (again,) = from_rows(json.loads(json.dumps(rows_of([claim]), allow_nan=False)))
            assert (again.key, again.verdict) == (claim.key, claim.verdict) and again.values == claim.evidence[0][1]


def test_findings_of_rules_that_are_not_here_are_said_to_be_left_out(study, tmp_path):
    folder = shutil.copytree(study, tmp_path / "study")
    table = json.loads((folder / "findings.json").read_text())
    table["runs"].append({**table["study"][0], "rule": "theirs", "code": "XY101"})
    write_json(folder / "findings.json", table)
    with pytest.warns(LatenteWarning, match="not loaded here are left out: XY101; load the plug-in"):
        told = told_of(folder, EN)
    assert [t.code for t in told] == [t.code for t in told_of(study, EN)]
