"""Where the files lie that come with the package: hosts, images, measurements, scenarios, workloads.

>>> sorted(path.name for path in SHIPPED.iterdir() if path.is_dir())[:3]
['hosts', 'images', 'measured']
"""

from pathlib import Path

SHIPPED = Path(__file__).parent.parent / "data"
"""The folder of the shipped files; each of them has a README that says where its files come from."""
