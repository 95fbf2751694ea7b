"""Properties are judged by what they find, not by the clock of the machine that they run on."""

from hypothesis import settings

settings.register_profile("snapsim", deadline=None)
settings.load_profile("snapsim")

collect_ignore = ["fuzz/guided.py"]  # needs atheris, which is not a tool of the tests
