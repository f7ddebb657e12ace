"""Conclusions computed from a study's numbers.

Data flows one way: `measures` (functions of arrays) → `bench` (what the models make of the data) → `evidence` (the
`quantities` of one study) → `rules` and `notebook` (claims over them, with a verdict each).
"""
