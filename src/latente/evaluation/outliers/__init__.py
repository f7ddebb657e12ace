"""Out of distribution and anomaly: one score an example, and what a model is tried against.

`regret` → `anomaly_scores` (of any examples) and `sources` (examples of something else).
"""
