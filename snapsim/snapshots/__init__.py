"""The mechanisms behind `snapsim.volume.Volume`: one file each, one line each.

Level 3. Siblings never import each other: each file can be read alone.
"""

from ..volume import Volume

MECHANISMS: dict[str, type[Volume]] = {}
