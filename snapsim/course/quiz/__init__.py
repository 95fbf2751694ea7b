"""Worksheets: problems that are the same for the same seed everywhere, and their grading.

Read in this order: `topic` (the contract of a topic), one file of `topics/`, `problems` (from a seed to problems),
`sheet` (as text, notebook or JSON), `grading`.
"""
