"""Fuzzing with mutated inputs of every kind: ``python benchmarks/fuzz.py --minutes 60 --seed 7``.

It prints the number of inputs of each kind, and every fault: a traceback, an "unexpected" error, a hang, more than one
line of error, a file that is gone. It exits with 1 if there is a fault.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

import fuzz


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--inputs", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as folder:
        place = fuzz.Place(Path(folder))
        counts, faults = fuzz.fuzz(place, options.seed, options.inputs, stop=lambda: time.monotonic() > end)
    for fault in faults:
        print(fault, end="\n\n")
    print(", ".join(f"{count:,} {kind}" for kind, count in counts.items()))
    print(f"{sum(counts.values()):,} inputs of seed {options.seed}, {len(faults)} kinds of fault")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
