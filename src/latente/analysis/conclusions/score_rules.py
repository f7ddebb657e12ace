"""The registry of rules: sentences over numbers, with what each reads and how it judges; and what they say of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from latente.analysis.conclusions.claims import Claim, Facts, Finding, Verdict, all_of
from latente.analysis.trained_models import grouped
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
        groups = grouped((s for s in scored if s[2].name == each.about), lambda s: (s[0], s[2].key))
        if each.several:
            for key in dict.fromkeys(k for _, k in groups):
                models = {m: [measured for *_, measured in own] for (m, k), own in groups.items() if k == key}
                found[each.about] += each.claims(models)
        else:
            found[each.about] += [claim for own in groups.values() if (claim := _over_seeds(each, own))]
    return [Finding(score, tuple(claims)) for score, claims in found.items() if claims]


def _over_seeds(each: Rule, scored: Sequence[ScoreOfRun]) -> Claim | None:
    """A rule's claim about one model: it holds, or fails, where it does for every seed, and is unknown otherwise."""
    known = [(seed, facts) for _, seed, measured in scored if (facts := each.read(measured)) is not None]
    if not known:
        return None
    verdict = unanimous([each.judge(facts) for _, facts in known])
    evidence = tuple(("", {"seed": seed, **facts}) for seed, facts in known)
    return Claim(each.name, verdict, evidence, {"model": scored[0][0], **known[0][1]})


def unanimous(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of several seeds: theirs where they agree, else unknown."""
    return all_of(verdicts) if len(set(verdicts)) == 1 else "unknown"


def mean_over_seeds(runs: Sequence[Measured], name: str) -> Estimate | None:
    """The mean of a model's number over its seeds; its interval counts examples and, where there are several, seeds."""
    known = [e for e in (m.estimate(name) for m in runs) if e is not None]
    if len(known) < len(runs):
        return None
    return combine([Stat(e.value, (), ((e.high - e.low) / (2 * Z)) ** 2) for e in known])
