"""A simulated Docker daemon: images, containers, builds and removal over any driver, and Docker's figures.

Read in this order: `engine` (the verbs), `layer_store` (layers by ChainID), `images` and `containers`, `build`,
`removal` (what goes with what), `events`. Then the figures: `figures` (Docker's rules, release by release),
`disk_usage` and `df` (`docker system df`), `listing`, `tool_totals` (other tools beside it), `who_pins` (who holds
which byte). `daemon` starts an engine from a `daemon.json`; `scenario` and `scenario_player` are a file of verbs and
what carries it out.

What a real daemon says is not here (`snapsim.hosts`).
"""
