"""Conclusions, rules of scores and their warnings, in words and as plain tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latente.analysis.conclusions.claims import Finding, say
from latente.analysis.conclusions.evidence import Evidence, gather
from latente.analysis.conclusions.notebook import find
from latente.analysis.conclusions.score_rules import Found, Told, found_of
from latente.atomic import write_json
from latente.evaluation.metrics.intervals import Estimate
from latente.evaluation.run import Run
from latente.language.message import in_language
from latente.language.words import Words
from latente.report.scores import tell
from latente.report.tables.names import number_name


@dataclass(frozen=True)
class ToldClaim:
    """A claim in words; ``verdict`` is "holds", "fails" or "unknown", ``verdict_text`` the same in the language."""

    text: str
    verdict: str
    verdict_text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Conclusion:
    """A finding in words; ``quote`` is what the notebook concluded, verdicts as in `ToldClaim`."""

    id: str
    title: str
    quote: str
    verdict: str
    verdict_text: str
    claims: tuple[ToldClaim, ...]


@dataclass(frozen=True)
class Concluded:
    """All that a report says of a study's findings: `render` and `notes`."""

    conclusions: tuple[Conclusion, ...]
    notes: tuple[str, ...]

    @staticmethod
    def from_table(table: Mapping[str, Any]) -> Concluded:
        """What ``dataclasses.asdict`` made of it."""
        told = (
            Conclusion(
                **{**c, "claims": tuple(ToldClaim(**{**k, "evidence": tuple(k["evidence"])}) for k in c["claims"])}
            )
            for c in table["conclusions"]
        )
        return Concluded(tuple(told), tuple(table["notes"]))


def conclude(runs: Sequence[Run], folder: Path, words: Words) -> Concluded:
    """Compare the runs of a study, write ``findings.json`` to its folder, and say what was found.

    Raises:
        SpecError, DataError: as `latente.analysis.conclusions.evidence.gather`.
        StoreError: the file cannot be written.
    """

    evidence = gather(runs)
    findings = find(evidence)
    write_json(folder / "findings.json", as_table(findings) | {"scores": as_rows(told_of(runs))})
    return Concluded(tuple(render(f, words) for f in findings), tuple(notes(evidence, words)))


def render(finding: Finding, words: Words) -> Conclusion:
    """A finding in the words of one language."""
    key = f"findings.{finding.id}"
    claims = []
    for claim in finding.claims:
        own = f"{key}.{claim.key}"
        said = tuple(words(template_of(own, name), **numbers) for name, numbers in claim.evidence)
        claims.append(ToldClaim(words(f"{own}.text"), claim.verdict, words(f"findings.verdict.{claim.verdict}"), said))
    return Conclusion(
        finding.id,
        words(f"{key}.title"),
        words(f"{key}.quote"),
        finding.verdict,
        words(f"findings.verdict.{finding.verdict}"),
        tuple(claims),
    )


def template_of(claim: str, name: str) -> str:
    """The key of a sentence's template: the claim's own, or one that claims share where the name has a dot."""
    return f"findings.{name}" if "." in name else f"{claim}.evidence.{name}"


def notes(evidence: Evidence, words: Words) -> list[str]:
    """What a reader must know of all findings: where their numbers and intervals come from."""
    several = "seeds" if evidence.seeds > 1 else "one_seed"
    said = [words(f"findings.note.{several}", seeds=evidence.seeds), words("findings.note.validation")]
    if evidence.grey:
        said.append(words("findings.note.grey"))
    return said


def as_table(findings: Sequence[Finding]) -> dict[str, Any]:
    """Findings as plain values for JSON, without words."""
    return {
        "findings": [
            {
                "id": f.id,
                "verdict": f.verdict,
                "claims": [
                    {
                        "key": c.key,
                        "verdict": c.verdict,
                        "evidence": [{"name": name, "numbers": dict(numbers)} for name, numbers in c.evidence],
                    }
                    for c in f.claims
                ],
            }
            for f in findings
        ]
    }


def told_of(runs: Sequence[Run], split: str = "test") -> list[Told]:
    """Every rule that can say something of these runs' scores on a part."""
    found: list[Found] = []
    for run in runs:
        found += found_of(run.spec.name, run.spec.seed, run.measured.get(split, {}))
    return tell(found)


def in_words(told: Told, words: Words) -> ToldClaim:
    """A rule's claim about a model, its verdict and its evidence: a sentence for each seed."""
    key = f"told.{told.rule.name}"
    said = []
    for seed, facts in told.facts:
        sentence = words(f"{key}.evidence", **say("", **facts)[1])
        said.append(words("told.seed", seed=seed, evidence=sentence) if len(told.facts) > 1 else sentence)
    first = {"model": told.model, **say("", **told.facts[0][1])[1]}
    return ToldClaim(
        words(f"{key}.text", **first), told.verdict, words(f"findings.verdict.{told.verdict}"), tuple(said)
    )


def conclusions_of(told: Sequence[Told], words: Words) -> list[Conclusion]:
    """The claims by score, each with a title; there is no verdict on a score as a whole."""
    groups: dict[str, list[ToldClaim]] = {}
    for one in told:
        groups.setdefault(one.rule.score, []).append(in_words(one, words))
    return [
        Conclusion(f"told-{score}", words(f"told.title.{score}"), "", "", "", tuple(claims))
        for score, claims in groups.items()
    ]


def told_notes(runs: Sequence[Run], words: Words, split: str = "test") -> list[str]:
    """What a reader must know of all these sentences."""
    many = len({r.spec.seed for r in runs}) > 1
    note = words("told.note", part=words(f"report.part.{split}"))
    return [note, words("told.note_seeds" if many else "told.note_one_seed")]


def lines(told: Sequence[Told], words: Words) -> Iterator[str]:
    """A line a claim, for a terminal: verdict, claim, evidence."""
    for one in told:
        claim = in_words(one, words)
        yield f"[{claim.verdict_text}] {claim.text} {' '.join(claim.evidence)}"


def as_rows(told: Sequence[Told]) -> list[dict[str, Any]]:
    """As plain values for JSON, without words."""
    return [
        {
            "rule": one.rule.name,
            "score": one.rule.score,
            "model": one.model,
            "verdict": one.verdict,
            "evidence": [{"seed": seed, "numbers": _plain(facts)} for seed, facts in one.facts],
        }
        for one in told
    ]


def _plain(facts: Any) -> dict[str, Any]:
    return {
        k: {"value": v.value, "low": v.low, "high": v.high} if isinstance(v, Estimate) else v for k, v in facts.items()
    }


def warnings_of(runs: Sequence[Run], words: Words) -> list[str]:
    """Every warning that the scores of some runs gave, with the run's name, in the language; each once."""
    many = len({r.spec.seed for r in runs}) > 1
    found: dict[str, None] = {}
    for run in runs:
        name = words("warned.seed", name=run.spec.name, seed=run.spec.seed) if many else run.spec.name
        for split, scored in run.measured.items():
            for key, measured in scored.items():
                for warning in measured.warnings:
                    part = words(f"report.part.{split}").lower()
                    said = in_language(warning, words)
                    found.setdefault(
                        words("warned.line", name=name, score=number_name(key, words), part=part, warning=said)
                    )
    return list(found)
