"""Evaluation: numbers of a trained model, each with its standard error, and what they say."""
