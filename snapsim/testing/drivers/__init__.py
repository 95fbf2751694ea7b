"""The pack that judges storage drivers; `check` is where to begin."""
