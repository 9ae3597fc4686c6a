"""Real pictures that nobody here made: the game data of three Debian packages.

`supertuxkart-data`, `hedgewars-data` and `freeciv-data` hold some 7,000 PNG and JPEG files:
sprites, tiles, textures, screenshots, icons. They are fetched with `apt-get download`, unpacked
with `dpkg -x` into the cache folder and never committed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

PACKAGES = ("supertuxkart-data", "hedgewars-data", "freeciv-data")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "gm-assets-corpus"
_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp"))


def fetch(cache: Path = CACHE) -> Path:
    """The folder with the unpacked packages; downloads what is not there yet.

    Raises:
        subprocess.CalledProcessError: apt-get or dpkg failed; their message is on stderr.
    """
    cache.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        folder = cache / package
        if folder.is_dir():
            continue
        subprocess.run(["apt-get", "download", "-q", package], cwd=cache, check=True)
        (archive,) = cache.glob(f"{package}_*.deb")
        partial = cache / f"{package}.partial"
        subprocess.run(["dpkg", "-x", archive, partial], check=True)
        partial.rename(folder)
        archive.unlink()
    return cache


def pictures(folder: Path) -> list[Path]:
    """The picture files below `folder`, sorted by path; links and hidden folders are left out."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if path.suffix.lower() in _SUFFIXES and not path.is_symlink():
                found.append(path)
    return sorted(found)


def samples_sha256(path: Path) -> str:
    """What Pillow alone decodes from a picture: mode, size, samples and palette, hashed."""
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        palette = image.getpalette("RGBA") if image.mode == "P" else None
        said = f"{image.mode} {image.size} {palette} {image.info.get('transparency')}\n"
        return hashlib.sha256(said.encode() + image.tobytes()).hexdigest()
