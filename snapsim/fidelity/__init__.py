"""How near the predictions are to what real kernels did.

Read in this order: `prediction` (what a measured workload would have cost), `tolerances` (how near it has to be),
`judge` (one row, all rows), `comparison` (a predicted figure beside the measured one), `summary` and `ranking`
(shares, fits, and which stack is cheaper), `limitations` (what each stack leaves out). `replay` plays the trace of a
target on a model; its players are in `replays/`.

Measuring is not here (`snapsim.measure`).
"""
