"""The registry of rules: sentences over numbers, with what each reads and how it judges; and what they say of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from latente.analysis.conclusions.claims import Claim, Facts, Finding, Verdict, all_of
from latente.evaluation.measured import Measured
from latente.evaluation.metrics.influence import Stat, combine
from latente.evaluation.metrics.intervals import Estimate, Z

Judge = Callable[[Facts], Verdict]

ScoreOfRun = tuple[str, int, Measured]
"""A run's name, its seed, and what it has of one score."""


@dataclass(frozen=True)
class Rule:
    """One sentence over numbers.

    Attributes:
        name: says where its words are: ``rule.NAME.text`` is the claim and ``rule.NAME.evidence`` its numbers; of the
            summary, ``report.summary.NAME``.
        about: the score whose numbers it reads, or "losses" for a sentence of the report's summary.
        read: takes what the words and the verdict need from what one run measured, None where the rule does not apply;
            with ``several``, from all models at once, in a list with an entry for each sentence.
        judge: gives the verdict on what was read.
        holds, fails: made-up numbers for which it holds, and for which it fails.
        several: whether it compares models.
    """

    name: str
    about: str
    read: Callable[[Any], Any]
    judge: Judge
    holds: Facts
    fails: Facts
    several: bool = False

    def claims(self, models: Any) -> list[Claim]:
        """What it says about several models at once."""
        return [Claim(self.name, self.judge(f), (("", {"seed": 0, **f}),), f) for f in self.read(models)]


rules: dict[str, Rule] = {}


def rule(
    name: str, about: str, read: Callable[[Any], Any], *, holds: Facts, fails: Facts, several: bool = False
) -> Callable[[Judge], Judge]:
    """Decorator: the function below judges what ``read`` reads; see `Rule`."""

    def add(judge: Judge) -> Judge:
        if name in rules:
            raise ValueError(f'rule "{name}" is registered twice')
        rules[name] = Rule(name, about, read, judge, holds, fails, several)
        return judge

    return add


def claims_of_scores(scored: Sequence[ScoreOfRun]) -> list[Finding]:
    """What the rules say about these runs: one finding for each score, its claims by rule and then by model."""
    found: dict[str, list[Claim]] = {r.about: [] for r in rules.values()}
    for each in rules.values():
        groups: dict[tuple[str, str], list[tuple[int, Measured]]] = {}
        for model, seed, measured in scored:
            if measured.name == each.about:
                groups.setdefault((model, measured.key), []).append((seed, measured))
        if each.several:
            for key in dict.fromkeys(k for _, k in groups):
                found[each.about] += each.claims(
                    {m: [measured for _, measured in seeds] for (m, k), seeds in groups.items() if k == key}
                )
        else:
            claims = (_over_seeds(each, model, seeds) for (model, _), seeds in groups.items())
            found[each.about] += [claim for claim in claims if claim is not None]
    return [Finding(score, tuple(claims)) for score, claims in found.items() if claims]


def _over_seeds(each: Rule, model: str, seeds: Sequence[tuple[int, Measured]]) -> Claim | None:
    """A rule's claim about one model: it holds, or fails, where it does for every seed, and is unknown otherwise."""
    read = [(seed, each.read(measured)) for seed, measured in seeds]
    known = [(seed, facts) for seed, facts in read if facts is not None]
    if not known:
        return None
    verdict = unanimous([each.judge(facts) for _, facts in known])
    evidence = tuple(("", {"seed": seed, **facts}) for seed, facts in known)
    return Claim(each.name, verdict, evidence, {"model": model, **known[0][1]})


def unanimous(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of several seeds: theirs where they agree, else unknown."""
    return all_of(verdicts) if len(set(verdicts)) == 1 else "unknown"


def mean_over_seeds(runs: Sequence[Measured], name: str) -> Estimate | None:
    """The mean of a model's number over its seeds; its interval counts examples and, where there are several, seeds."""
    known = [e for e in (m.estimate(name) for m in runs) if e is not None]
    if len(known) < len(runs):
        return None
    return combine([Stat(e.value, (), ((e.high - e.low) / (2 * Z)) ** 2) for e in known])
