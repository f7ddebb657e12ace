"""Conclusions, rules of scores and their warnings, in words and as plain values."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import latente.analysis.conclusions as analysis
from latente.analysis.baselines import Baselines, Floats, baselines
from latente.analysis.conclusions.claims import Claim, Facts, Finding, Number, Sentence, Verdict, numbers, say
from latente.analysis.conclusions.evidence import Evidence, gather
from latente.analysis.conclusions.notebook import find
from latente.analysis.conclusions.registry import DATA, STUDY, Rule, claims_about, codes, rules, to_do
from latente.analysis.conclusions.score_rules import claims_of_runs
from latente.analysis.conclusions.standing import standing
from latente.analysis.trained_models import trained_models
from latente.atomic import write_json
from latente.data.split import Data
from latente.evaluation.evaluate import mean_and_error
from latente.evaluation.metrics.intervals import Estimate
from latente.evaluation.run import Run
from latente.language.message import Message, from_json, phrase, to_json
from latente.language.words import Words
from latente.registry import import_parts
from latente.report.scores import claims_of_scores
from latente.report.tables.names import number_name

import_parts(analysis.__name__, analysis.__path__)


class WordedClaim(NamedTuple):
    """A claim in words; its rule's code and severity, and what to do where it ``matters``: where that is found.

    ``facts`` are the names of its sentences of evidence, with the numbers in them.
    """

    text: str
    verdict: Verdict
    evidence: tuple[str, ...] = ()
    code: str = ""
    severity: str = ""
    do: str = ""
    matters: bool = False
    facts: tuple[tuple[str, Facts], ...] = ()


class WordedFinding(NamedTuple):
    """A finding in words; ``quote`` is what the notebook concluded. Of scores, it and ``verdict`` are empty."""

    id: str
    title: str
    quote: str
    verdict: Verdict | str
    claims: tuple[WordedClaim, ...]
    code: str = ""
    severity: str = ""
    do: str = ""


def every_rule() -> Mapping[str, Rule]:
    """All rules by their names, those of this room's scores and of one's own included."""
    return rules


def ignored(patterns: Iterable[str]) -> frozenset[str]:
    """The codes of the findings that a report leaves out.

    Raises:
        SpecError: a pattern that means none.
    """
    return codes(patterns)


def conclude(runs: Sequence[Run], folder: Path, ignore: Collection[str] = ()) -> dict[str, Any]:
    """Compare the runs of a study, write ``findings.json`` to its folder, and return what `in_words` takes.

    The file has all of them, and the codes that are to be left out (``ignore``) in a list.

    What is returned are plain values, so that another process can send them.

    Raises:
        SpecError, DataError: as `latente.analysis.conclusions.evidence.gather`.
        StoreError: the file cannot be written.
    """
    evidence = gather(runs)
    table = as_table(find(evidence))
    beside = baselines(trained_models(runs)) if all("test" in r.metrics for r in runs) else None
    of_study = claims_about(STUDY, standing(runs, beside=beside))
    general = {"study": rows_of(of_study), "runs": rows_of(claims_of_runs(runs)), "baselines": baseline_rows(beside)}
    scored = {"scores": as_rows(findings_of_scores(runs)), "ignored": sorted(ignore)}
    write_json(folder / "findings.json", table | general | scored)
    return table | general | {"notes": notes(evidence)}


def baseline_rows(beside: Baselines | None) -> list[dict[str, Any]]:
    """The baselines as plain values: a squared error a value, or nats, each with its standard error."""
    if beside is None:
        return []

    def number(each: Floats) -> dict[str, float]:
        return asdict(mean_and_error(each))

    mean = [{"baseline": "mean" if not n else "pca", "latents": n, **number(e)} for n, e in beside.errors.items()]
    parts = {k: json.loads(k) for k in beside.nll}
    return [*mean, *({"baseline": "marginal", "likelihood": parts[k], **number(e)} for k, e in beside.nll.items())]


def record_data(folder: Path, data: Data) -> list[dict[str, Any]]:
    """Add what the rules say of a study's data to its ``findings.json``; gives that, as plain values.

    Raises:
        StoreError: the file cannot be written.
    """
    path = folder / "findings.json"
    table = json.loads(path.read_text(encoding="utf-8"))
    found = rows_of(claims_about(DATA, data))
    write_json(path, table | {"data": found})
    return found


def data_in_words(concluded: Mapping[str, Any], words: Words, ignore: Collection[str] = ()) -> list[WordedClaim]:
    """What `record_data` found, in one language, without the codes that are left out; older reports have none."""
    said = [worded_rule(c, words) for c in from_rows(concluded.get("data", ())) if c.key in rules]
    return [claim for claim in said if claim.code not in ignore]


def general_in_words(concluded: Mapping[str, Any], words: Words) -> list[WordedClaim]:
    """What `conclude` found of any study and of each run, in one language, by their codes."""
    claims = [*from_rows(concluded["study"]), *from_rows(concluded["runs"])]
    return sorted((worded_rule(c, words) for c in claims if c.key in rules), key=lambda c: c.code)


def in_words(concluded: Mapping[str, Any], words: Words) -> tuple[list[WordedFinding], list[str]]:
    """The findings that `conclude` returned, and the notes on them, in one language."""
    findings = [render(f, words) for f in from_table(concluded)]
    return findings, [words(f"findings.{name}", **facts) for name, facts in concluded["notes"]]


def render(finding: Finding, words: Words) -> WordedFinding:
    """A finding of the notebook in words."""
    key = f"findings.{finding.id}"
    claims = tuple(worded(c, f"{key}.{c.key}", words) for c in finding.claims)
    known = rules[finding.id]
    return WordedFinding(
        finding.id, words(f"{key}.title"), words(f"{key}.quote"), finding.verdict, claims, known.code, known.severity,
        to_do(finding.id, words),
    )  # fmt: skip


def render_score(finding: Finding, words: Words) -> WordedFinding:
    """What rules say about a score, in words; a score as a whole has no verdict."""
    claims = tuple(worded_rule(c, words) for c in finding.claims)
    return WordedFinding(f"rule-{finding.id}", words(f"rule.title.{finding.id}"), "", "", claims)


def worded(claim: Claim, key: str, words: Words) -> WordedClaim:
    """A claim in words, which stand under ``key``; of several seeds, each sentence of evidence names its own."""
    said = []
    for name, facts in claim.evidence:
        sentence = words(template_of(key, name), **_said(facts, words))
        seeds = "seed" in facts and len(claim.evidence) > 1
        said.append(words("rule.seed", seed=facts["seed"], evidence=sentence) if seeds else sentence)
    kept = tuple((name, numbers(facts)) for name, facts in claim.evidence)
    return WordedClaim(words(f"{key}.text", **_said(claim.values, words)), claim.verdict, tuple(said), facts=kept)


def _said(facts: Facts, words: Words) -> dict[str, Number]:
    """Facts as words take them, messages in the language of these."""
    return {n: phrase(v, words) if isinstance(v, str) else v for n, v in numbers(facts).items()}


def worded_rule(claim: Claim, words: Words) -> WordedClaim:
    """A claim of a rule other than the notebook's in words, with the rule's code and what to do."""
    known, said = rules[claim.key], worded(claim, f"rule.{claim.key}", words)
    do, matters = to_do(claim.key, words), known.matters(claim.verdict)
    return said._replace(code=known.code, severity=known.severity, do=do, matters=matters)


def template_of(key: str, name: str) -> str:
    """The key of a sentence: under the claim's own, or, where its name has a dot, among those that claims share."""
    return f"findings.{name}" if "." in name else f"{key}.evidence.{name}".removesuffix(".")


def notes(evidence: Evidence) -> list[Sentence]:
    """What a reader must know about all findings: where their numbers and intervals come from."""
    said = [say("note.seeds" if evidence.seeds > 1 else "note.one_seed", seeds=evidence.seeds), say("note.validation")]
    return [*said, say("note.grey")] if evidence.grey else said


def as_table(findings: Sequence[Finding]) -> dict[str, Any]:
    """Findings as plain values for JSON, without words."""

    def row(claim: Claim) -> dict[str, Any]:
        said = [{"name": name, "numbers": numbers(facts)} for name, facts in claim.evidence]
        return {"key": claim.key, "verdict": claim.verdict, "evidence": said}

    return {
        "findings": [
            {"id": f.id, **_of_rule(f.id), "verdict": f.verdict, "claims": [*map(row, f.claims)]} for f in findings
        ]
    }


def _of_rule(name: str) -> dict[str, str]:
    return {"code": rules[name].code, "severity": rules[name].severity}


def from_table(table: Mapping[str, Any]) -> list[Finding]:
    """The findings that `as_table` made plain."""

    def claim(row: Mapping[str, Any]) -> Claim:
        return Claim(row["key"], row["verdict"], tuple((said["name"], said["numbers"]) for said in row["evidence"]))

    return [Finding(f["id"], tuple(map(claim, f["claims"]))) for f in table["findings"]]


def kept(findings: Iterable[Finding], ignore: Collection[str]) -> list[Finding]:
    """Findings of scores without the claims of some codes."""
    left = [Finding(f.id, tuple(c for c in f.claims if rules[c.key].code not in ignore)) for f in findings]
    return [f for f in left if f.claims]


def findings_of_scores(runs: Sequence[Run], split: str = "test") -> list[Finding]:
    """What the rules say about these runs' scores on a part."""
    return claims_of_scores(
        [(r.spec.name, r.spec.seed, measured) for r in runs for measured in r.measured.get(split, {}).values()]
    )


def notes_of_scores(runs: Sequence[Run], words: Words, split: str = "test") -> list[str]:
    """What a reader must know about all of these sentences."""
    many = len({r.spec.seed for r in runs}) > 1
    note = words("rule.note", part=words(f"report.part.{split}"))
    return [note, words("rule.note_seeds" if many else "rule.note_one_seed")]


def lines(findings: Sequence[Finding], words: Words) -> Iterator[str]:
    """A line for each claim about scores, for a terminal: verdict, claim, evidence."""
    for claim in (c for f in findings for c in render_score(f, words).claims):
        yield f"{claim.code} [{words(f'findings.verdict.{claim.verdict}')}] {claim.text} {' '.join(claim.evidence)}"


def rows_of(claims: Iterable[Claim]) -> list[dict[str, Any]]:
    """Claims of rules about data, runs or a study as plain values for JSON, without words."""
    return [
        {
            "rule": claim.key,
            **_of_rule(claim.key),
            "verdict": claim.verdict,
            "found": rules[claim.key].matters(claim.verdict),
            **({"model": claim.values["model"]} if "model" in claim.values else {}),
            "evidence": _evidence(claim),
        }
        for claim in claims
    ]


def from_rows(rows: Iterable[Mapping[str, Any]]) -> list[Claim]:
    """The claims that `rows_of` and `as_rows` made plain."""

    def fact(value: Any) -> Any:
        if isinstance(value, Mapping):
            return Estimate(**value) if value.keys() == {"value", "low", "high"} else from_json(value)
        return value

    def claim(row: Mapping[str, Any]) -> Claim:
        model = {"model": row["model"]} if "model" in row else {}
        said = [{**model, "seed": e["seed"], **{k: fact(v) for k, v in e["numbers"].items()}} for e in row["evidence"]]
        return Claim(row["rule"], row["verdict"], tuple(("", facts) for facts in said), said[0] if said else model)

    return [claim(row) for row in rows]


def _evidence(claim: Claim) -> list[dict[str, Any]]:
    return [
        {"seed": facts["seed"], "numbers": {k: _plain(v) for k, v in facts.items() if k not in ("seed", "verdict")}}
        for _, facts in claim.evidence
    ]


def as_rows(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Claims about scores as plain values for JSON, without words."""
    return [
        {
            "rule": claim.key,
            **_of_rule(claim.key),
            "score": finding.id,
            "model": claim.values["model"],
            "verdict": claim.verdict,
            "evidence": _evidence(claim),
        }
        for finding in findings
        for claim in finding.claims
    ]


def _plain(fact: Any) -> Any:
    if isinstance(fact, Estimate):
        return {k: getattr(fact, k) for k in ("value", "low", "high")}
    return to_json(fact) if isinstance(fact, Message) else fact


def warnings_of(runs: Sequence[Run], words: Words) -> list[str]:
    """Every warning that the scores of some runs gave, with the run's name, in the language; each once."""
    many = len({r.spec.seed for r in runs}) > 1
    found = []
    for run in runs:
        name = words("warned.seed", name=run.spec.name, seed=run.spec.seed) if many else run.spec.name
        for split, scored in run.measured.items():
            part = words(f"report.part.{split}").lower()
            for key, warning in ((key, w) for key, measured in scored.items() for w in measured.warnings):
                texts = {"score": number_name(key, words), "warning": phrase(warning, words)}
                found.append(words("warned.line", name=name, part=part, **texts))
    return list(dict.fromkeys(found))
