"""Real Docker hosts: what a daemon tells of its storage, and what the same images would take under another driver.

Read in this order: `host` (what is known of one), `reading` (from a capture, the API's JSON or pasted text), `capture`
and `live` (from a running daemon), `what_if` with `what_if_rules` (bounds for every other driver), `byte_range` and
`sizes` (figures between two ends).

Simulated daemons are not here (`snapsim.docker`).
"""
