"""What all tests share: how Hypothesis searches."""

import os

from hypothesis import settings

# Timings never decide a test. In CI the cases are the same every time; at the desk they vary.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")
