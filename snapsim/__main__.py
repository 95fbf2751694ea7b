"""``python -m snapsim``: the command line."""

from snapsim.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
