"""How long the state machines walk: briefly, or thousands of steps a mechanism in CI (``SNAPSIM_PROFILE=ci``)."""

import os

from snapsim.testing import CI, QUICK

PROFILE = CI if os.environ.get("SNAPSIM_PROFILE") == "ci" else QUICK
