"""What rules say of scores: over the runs that have them, and their seeds."""

from __future__ import annotations

from collections.abc import Sequence

from latente.analysis.conclusions.claims import Claim, Facts, Finding, Verdict, all_of
from latente.analysis.conclusions.registry import DATA, NOTEBOOK, RUN, STUDY, Rule, about, rules
from latente.analysis.trained_models import grouped
from latente.evaluation.measured import Measured
from latente.evaluation.metrics.influence import Stat, combine
from latente.evaluation.metrics.intervals import Estimate, Z
from latente.evaluation.run import Run

ScoreOfRun = tuple[str, int, Measured]
"""A run's name, its seed, and what it has of one score."""


def claims_of_scores(scored: Sequence[ScoreOfRun]) -> list[Finding]:
    """What the rules say about these runs: one finding for each score, its claims by rule and then by model."""
    of_scores = [r for r in rules.values() if r.about not in (DATA, RUN, STUDY, NOTEBOOK)]
    found: dict[str, list[Claim]] = {r.about: [] for r in of_scores}
    for each in of_scores:
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
    read = [(seed, facts) for _, seed, measured in scored if (facts := each.read(measured)) is not None]
    return of_seeds(each, scored[0][0], read)


def of_seeds(each: Rule, model: str, read: Sequence[tuple[int, Facts]]) -> Claim | None:
    """A rule's claim about one model, from what was read of each seed; None where nothing was."""
    if not read:
        return None
    verdict = unanimous([each.verdict(facts) for _, facts in read])
    evidence = tuple(("", {"seed": seed, **facts}) for seed, facts in read)
    return Claim(each.name, verdict, evidence, {"model": model, **read[0][1]})


def claims_of_runs(runs: Sequence[Run]) -> list[Claim]:
    """What rules about runs say: by rule, then by model."""
    models = grouped(runs, lambda r: r.spec.name)
    found = []
    for each in about(RUN):
        for name, own in models.items():
            read = [(r.spec.seed, facts) for r in own if (facts := each.read(r)) is not None]
            claim = of_seeds(each, name, read)
            found += [] if claim is None else [claim]
    return found


def unanimous(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of several seeds: theirs where they agree, else unknown."""
    return all_of(verdicts) if len(set(verdicts)) == 1 else "unknown"


def mean_over_seeds(runs: Sequence[Measured], name: str) -> Estimate | None:
    """The mean of a model's number over its seeds; its interval counts examples and, where there are several, seeds."""
    known = [e for e in (m.estimate(name) for m in runs) if e is not None]
    if len(known) < len(runs):
        return None
    return combine([Stat(e.value, (), ((e.high - e.low) / (2 * Z)) ** 2) for e in known])
