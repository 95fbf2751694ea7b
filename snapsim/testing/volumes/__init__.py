"""The pack that judges block-level volumes; `check` is where to begin."""
