"""A study's findings in words, and as a plain table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latente.atomic import write_json
from latente.evaluation.findings.claims import Finding
from latente.evaluation.findings.evidence import gather
from latente.evaluation.findings.notebook import find
from latente.evaluation.findings.quantities import Evidence
from latente.evaluation.run import Run
from latente.interfaces.words import Words


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
        SpecError, DataError: as `latente.evaluation.findings.evidence.gather`.
        StoreError: the file cannot be written.
    """
    from latente.interfaces.telling import as_rows, told_of

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
