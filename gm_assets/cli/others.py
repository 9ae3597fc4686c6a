"""What other programs say of a file, for `gm show`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gm_assets.cli.output import print_fields, safe

if TYPE_CHECKING:
    from gm_assets.memory.files import Found
    from gm_assets.memory.foreign import Foreign

#: Characters of one setting that are shown; `--json` has all of them.
_SHOWN = 300


def foreign_of(path: Path, found: Found | None) -> Foreign:
    """The accounts of other programs in a file; empty where there are none."""
    from gm_assets.memory.foreign import read_foreign

    return read_foreign(path.resolve(), None if found is None else found.packet)


def accounts_of(foreign: Foreign) -> list[dict[str, Any]]:
    """The accounts as JSON values, without the texts that the file holds itself."""
    parts = ("tool", "said", "references")
    return [{k: v for k, v in a.recipe.items() if k in parts} for a in foreign.accounts]


def print_accounts(foreign: Foreign) -> None:
    """Each account under the name of its program, a line for each thing that it says."""
    for account in accounts_of(foreign):
        said = {name: _short(value) for name, value in account.get("said", {}).items()}
        named = "\n".join(account.get("references", ()))
        print_fields(f"{safe(account['tool'])} says", {**said, "names": named})


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
