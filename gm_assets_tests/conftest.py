"""What holds for all tests: no encoder runs unless a test asks for one.

Loading torch takes seconds in each process, and most tests are not about vectors.
"""

from __future__ import annotations

import os

os.environ["GM_PROFILE"] = "none"
