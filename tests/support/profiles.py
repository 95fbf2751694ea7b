"""What differs in CI (``SNAPSIM_PROFILE=ci``): state machines walk for thousands of steps, and nothing is skipped."""

import os

import pytest

from snapsim.testing import CI, QUICK

PROFILE = CI if os.environ.get("SNAPSIM_PROFILE") == "ci" else QUICK


def needs(missing):
    """Skip a test whose machine lacks something, and say what; in CI nothing may be lacking."""
    if missing and PROFILE is CI:
        pytest.fail(f"in CI nothing is skipped: {'; '.join(missing)}")
    if missing:
        pytest.skip("; ".join(missing))
