"""JSON shapes of the Engine API: plain data from what the daemon has; no route, no verb, no I/O.

Each module gives the objects of one part of the API. The shapes are those that a real daemon (20.10.24) answers with;
where the published definition and a real daemon disagree, the daemon is right.
"""
