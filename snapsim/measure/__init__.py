"""What real kernels did: the shipped measurements, the format of traces, and measuring on the running kernel.

Read in this order: `measurements` (the files in `snapsim/data/measured`), `range` (a figure and its repetitions),
`trace` (operations on a target, row by row), then `kernel/` (loop devices, mounts and device-mapper; needs root on
Linux).

Predictions are not here: `snapsim.fidelity` compares them with the measurements.
"""
