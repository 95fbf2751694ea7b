"""Where things lie: the tests are in folders, one for each package, and look for their data from here."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout."""
DATA = ROOT / "tests" / "data"
DOCS = ROOT / "docs"
SHIPPED = ROOT / "snapsim" / "data"
"""What the package ships."""
