"""Metrics of plain arrays, no model needed: each a value with its interval, each from one published definition.

`generation` (are samples like the data?), `neighbours` (are they copies?), `reconstruction`, `representation` (what do
codes say?), `anomaly` (do scores tell two sets apart?), `classifier` (the features in which samples are judged), and
`intervals`, from which all of them have their intervals.
"""
