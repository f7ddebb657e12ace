"""What rules say of scores' numbers, in words: for the report, the terminal and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from latente.evaluation.findings.claims import say
from latente.evaluation.findings.measures import Estimate
from latente.evaluation.findings.scored import Found, Told, found_of, tell
from latente.evaluation.run import Run
from latente.interfaces.conclusions import Conclusion, ToldClaim
from latente.interfaces.words import Words


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
