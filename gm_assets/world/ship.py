"""`python -m gm_assets.world.ship LIBRARY`: ship the plates and structures that a demo has made.

The library is one made by `gm demo --full`; see `gm_assets.world.demo.shipping`.
"""

from __future__ import annotations

import sys

from gm_assets.errors import GmError
from gm_assets.library import Library
from gm_assets.world.demo.shipping import FINISHED, collect


def main(arguments: list[str]) -> int:
    """Fill the folder of shipped files from a library."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        paths = collect(Library.open(arguments[0], read_only=True))
    except GmError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    size = sum((FINISHED / path).stat().st_size for path in paths)
    print(f"{len(paths)} files, {size / 1e6:.1f} MB in {FINISHED}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
