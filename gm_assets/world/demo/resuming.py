"""What a build of the demo was asked for and has finished, so that it can go on after a stop.

`.gm/demo.json` names the finished chains. It is a shortcut and a sign that the folder is a
demo's: files of a chain that was interrupted are told by their memories.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import gm_assets
from gm_assets.errors import LibraryError
from gm_assets.memory.files import write_new

NAME = "demo.json"


@dataclass(frozen=True)
class Record:
    """One build of the demo, or several into the same folder.

    Attributes:
        version: of gm_assets; other versions make other pixels.
        size: long side of the large pictures in pixels.
        wanted: names of the chains that were asked for.
        made: paths of the files of each finished chain, relative to the library.
    """

    version: str
    size: int
    wanted: tuple[str, ...] = ()
    made: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def load(cls, state: Path) -> Record | None:
        """The record in a library's state folder; None where there is none that can be read."""
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            values = json.loads((state / NAME).read_text("utf-8"))
            return cls(
                version=str(values["version"]),
                size=int(values["size"]),
                wanted=tuple(map(str, values["wanted"])),
                made={str(name): tuple(paths) for name, paths in values["made"].items()},
            )
        return None

    def save(self, state: Path) -> None:
        """Raises WriteRefused where the folder cannot be written."""
        state.mkdir(parents=True, exist_ok=True)
        values = {
            "version": self.version,
            "size": self.size,
            "wanted": self.wanted,
            "made": self.made,
        }
        write_new(state / NAME, json.dumps(values, indent=1).encode(), overwrite=True)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Chains that were asked for and never finished."""
        return tuple(name for name in self.wanted if name not in self.made)

    def asking(self, names: Sequence[str], missing: Collection[str]) -> Record:
        """This record with the chains `names` asked for, of which `missing` are to be made."""
        return replace(
            self,
            wanted=tuple(dict.fromkeys([*self.wanted, *names])),
            made={name: paths for name, paths in self.made.items() if name not in missing},
        )

    def having(self, name: str, paths: tuple[str, ...]) -> Record:
        """This record with one more chain finished."""
        return replace(self, made={**self.made, name: paths})

    def is_there(self, name: str, root: Path) -> bool:
        """Whether the chain was finished and all its files lie below `root` still."""
        paths = self.made.get(name)
        return paths is not None and all((root / path).is_file() for path in paths)


def begun(state: Path, root: Path, size: int) -> Record | None:
    """The record of the build in `root`, for a build of the same kind to go on with.

    Raises:
        LibraryError: it was made by another version or in another size.
    """
    record = Record.load(state)
    if record is None:
        return None
    if record.version != gm_assets.__version__:
        raise LibraryError(
            f"the demo here was made by gm_assets {record.version}",
            where=root,
            remedy="Choose another folder, or remove this one",
        )
    if record.size != size:
        raise LibraryError(
            f"the demo here is made in size {record.size}, not {size}",
            where=root,
            remedy=f"Use --size {record.size}, choose another folder, or remove this one",
        )
    return record
