"""Storage drivers: the contract, what a layer's changes are, who holds which byte, and one file for each driver.

Read in this order: `driver` (the contract), `diff` (a layer as it travels: entries, whiteouts, DiffID and ChainID),
one driver of `graphdrivers/` (`overlay2` and `devicemapper` are the two ends), `naive_diff` (how changes are found by
looking at every name). `ledger` says who holds which byte with whom, `hidden_files` what nobody sees, and
`tool_figures` what `du`, `df` and quotas say of the same bytes. `clone_driver` is what drivers on clones have in
common.

Images, containers and Docker's own figures do not live here (`snapsim.docker`).
"""
