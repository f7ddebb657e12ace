"""Conclusions computed from a study's numbers.

Data flows one way: `measures` (functions of arrays) → `model_outputs` (what the models make of the data) → `evidence`
(the numbers of one study) → `rules` and `notebook` (claims over them, with a verdict each).
"""
