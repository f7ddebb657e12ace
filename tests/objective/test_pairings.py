"""Which parts go together, found by trying every pair: every preset does, and what does not says so."""

import dataclasses

from latente.objective.pairings import pairings
from latente.objective.presets import presets


def test_every_preset_is_a_pairing_that_holds():
    known = pairings()
    for name in presets:
        spec = presets[name]()
        part = {f: v if isinstance(v, str) else v["name"] for f, v in dataclasses.asdict(spec).items()
                if f in ("objective", "posterior", "prior")}  # fmt: skip
        assert part["prior"] in known.objective[part["objective"], part["posterior"]], name


def test_a_pairing_that_does_not_hold_names_both_sides():
    known = pairings()
    for (objective, posterior), reason in known.reason.items():
        assert f'"{objective}"' in reason or f'"{posterior}"' in reason
    for (posterior, prior), reason in known.prior.items():
        if reason is not None:
            # A prior that is only ever fitted afterwards goes with no training at all.
            assert f'"{prior}"' in reason and (f'"{posterior}"' in reason or "fitted" in reason)
