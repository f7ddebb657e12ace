"""Out of distribution and anomaly: one score an example, what makes it so, and what a model is tried against.

`regret` → `anomaly_scores` (of any examples) and `sources` (examples of something else); `explain` splits a score over
columns; `conformal` says how unusual a score is, and `drift` whether a whole batch is.
"""
