"""What holds for all tests.

No encoder runs unless a test asks for one: loading torch takes seconds in each process, and most
tests are not about vectors. Property-based tests try the same examples in every run, so that a
commit that passed passes again; `make fuzz` tries new ones.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True)
settings.register_profile("new", print_blob=True)
settings.load_profile("same")

os.environ["GM_PROFILE"] = "none"
