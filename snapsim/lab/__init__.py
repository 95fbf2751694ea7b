"""Experiments: a workload is carried out on a stack, and its I/O and its space are counted.

Read in this order: `workload` (the file), `operations` (what it may contain), `stacks` (driver, file system, device),
`executor` (one operation after the other), `experiment` (`run`, `compare`, `sweep`), `result` (what it cost).
`generators` make workloads from a seed, `file_layout` shows where a file lies afterwards.

What a real kernel did with the same workload is not here (`snapsim.measure`, `snapsim.fidelity`).
"""
