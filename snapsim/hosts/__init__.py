"""Real Docker hosts: what a daemon tells of its storage, and what the same images would take under another driver.

Read in this order: `host` (what is known of one), `sizes` (figures between two ends), `reading` (from a capture, the
API's JSON, or `pasted_text` with its `prompts`), `capture` and `live` (from a running daemon), `inventory` (what is
listed, and what only exists), `what_if` with `what_if_rules` (bounds for every other driver).

Simulated daemons are not here (`snapsim.docker`).
"""
