"""Out of distribution and anomaly: one score an example, and what a model is tried against.

`regret` → `per_example` (the scores of any examples) and `against` (examples of something else).
"""
