"""The scores that sdmetrics gives to two fixed tables, for tests/analysis/test_table_quality.py.

    uv run --with sdmetrics==0.32.0 --with scikit-learn python benchmarks/sdmetrics_scores.py

sdmetrics wants pandas below 3, so that it cannot be installed beside latente's own tests: its numbers are kept there.
"""

import json
import sys
import warnings
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from winetables import tables

NUMBERS = ["alcohol", "proline", "day"]


def main():
    warnings.simplefilter("ignore")
    from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity
    from sdmetrics.single_column import KSComplement, MissingValueSimilarity, TVComplement

    real, synthetic = tables()
    columns, pairs = {}, {}
    for name in real:
        measure = KSComplement if name in NUMBERS else TVComplement
        score = measure.compute(real[name], synthetic[name])
        columns[name] = [float(score), float(MissingValueSimilarity.compute(real[name], synthetic[name]))]
    for a, b in combinations(real, 2):
        two = real[[a, b]].copy(), synthetic[[a, b]].copy()
        numbers = [n for n in (a, b) if n in NUMBERS]
        if len(numbers) == 2:
            score = CorrelationSimilarity.compute(*two)
        else:
            for part in two:
                for n in numbers:
                    part[n] = pd.to_numeric(part[n])
            score = ContingencySimilarity.compute(*two, continuous_column_names=numbers or None)
        pairs[f"{a} × {b}"] = float(score)
    print(
        json.dumps(
            {"sdmetrics": version("sdmetrics"), "columns": columns, "pairs": pairs}, indent=1, ensure_ascii=False
        )
    )


if __name__ == "__main__":
    main()
