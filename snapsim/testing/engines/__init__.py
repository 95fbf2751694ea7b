"""The pack that judges container engines; `check` is where to begin."""
