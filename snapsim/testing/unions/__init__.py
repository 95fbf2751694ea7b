"""The pack that judges union mounts; `check` is where to begin."""
