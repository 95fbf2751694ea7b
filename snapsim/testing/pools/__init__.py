"""The pack that judges thin pools; `check` is where to begin."""
