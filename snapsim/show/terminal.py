"""Text and JSON on standard output.

What it leaves out: tables (`snapsim.show.tables`) and figures (`snapsim.show.plots`).
"""

import json
import sys


def write(text: str) -> None:
    """Print text, ended by one newline."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def to_json(records: object) -> str:
    """Records as JSON text."""
    return json.dumps(records, indent=1, allow_nan=False)


def write_json(records: object) -> None:
    """Print records as JSON."""
    write(to_json(records))
