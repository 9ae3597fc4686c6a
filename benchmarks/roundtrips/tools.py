"""The programs, and how each opens a file and saves it again.

A program that is not on this machine is skipped with the reason. Python packages that are no
dependency of ours run in the interpreter that `GM_ROUNDTRIP_PYTHON` names, npm's programs from
the folder `GM_ROUNDTRIP_NODE` (its `node_modules/.bin`):

    python3 -m venv /tmp/rt && /tmp/rt/bin/pip install opencv-python-headless pygltflib
    npm install --prefix /tmp/rt @gltf-transform/cli gltfpack
    apt-get install --no-install-recommends imagemagick gimp krita blender xvfb xauth \\
        libimage-exiftool-perl
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

#: A program that takes longer is stopped.
SECONDS = 180
_OWN = "{own}"
_THEIRS = "{theirs}"

_PILLOW = "from PIL import Image; image = Image.open(r'{source}'); image.load(); "
_TRIMESH = "import trimesh; trimesh.load(r'{source}').export(r'{target}')"
_CV2 = (
    "import cv2; cv2.imwrite(r'{target}', cv2.imread(r'{source}', "
    "cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION))"
)
_PYGLTFLIB = "from pygltflib import GLTF2; GLTF2().load(r'{source}').save_binary(r'{target}')"
_GIMP = (
    '(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE "{source}" "{source}")))'
    " (layer (car (gimp-image-get-active-drawable image))))"
    ' (gimp-file-save RUN-NONINTERACTIVE image layer "{target}" "{target}") (gimp-quit 0))'
)
_BLENDER_GLB = (
    "import bpy; bpy.ops.wm.read_factory_settings(use_empty=True); "
    "bpy.ops.import_scene.gltf(filepath=r'{source}'); "
    "bpy.ops.export_scene.gltf(filepath=r'{target}', export_format='GLB'{more})"
)
_BLENDER_PLY = (
    "import bpy; bpy.ops.wm.read_factory_settings(use_empty=True); "
    "bpy.ops.import_mesh.ply(filepath=r'{source}'); "
    "bpy.ops.export_mesh.ply(filepath=r'{target}')"
)
_BLENDER_USD = (
    "import bpy; bpy.ops.wm.read_factory_settings(use_empty=True); "
    "bpy.ops.wm.usd_import(filepath=r'{source}'); bpy.ops.wm.usd_export(filepath=r'{target}')"
)
_USD = "from pxr import Usd; Usd.Stage.Open(r'{source}').Export(r'{target}')"
_USD_LAYER = "from pxr import Sdf; Sdf.Layer.FindOrOpen(r'{source}').Export(r'{target}')"
_TIFFFILE = "import tifffile; tifffile.imwrite(r'{target}', tifffile.imread(r'{source}'))"
_OIIO = (
    "import OpenImageIO as oiio; image = oiio.ImageBuf(r'{source}'); image.read(force=True); "
    "image.write(r'{target}')"
)


@dataclass(frozen=True)
class Trip:
    """One way through one program.

    Attributes:
        tool: the program.
        does: what is done in it, in words.
        formats: the formats that are sent this way (suffixes).
        command: the command line; `{source}`, `{target}`, `{own}` (our interpreter),
            `{theirs}` and `{node}` are filled in.
        version: the command line that prints the version.
        edits: the way changes the picture or the mesh on purpose.
    """

    tool: str
    does: str
    formats: tuple[str, ...]
    command: tuple[str, ...]
    version: tuple[str, ...]
    edits: bool = False

    @property
    def words(self) -> str:
        """The way in words: `GIMP: open and export`."""
        return f"{self.tool}: {self.does}"


def _python(package: str, name: str, code: str, does: str, *formats: str, own: bool) -> Trip:
    python = _OWN if own else _THEIRS
    version = f"from importlib.metadata import version; print(version('{package}'))"
    return Trip(name, does, formats, (python, "-c", code), (python, "-c", version))


_BLENDER = ("blender", "--background", "--factory-startup", "--python-expr")
#: Krita takes no other screen than X11's.
_KRITA = ("xvfb-run", "-a", "krita")
_EXIFTOOL = ("exiftool", "-q", "-o", "{target}")
TRIPS = (
    _python("pillow", "Pillow", _PILLOW + "image.save(r'{target}')", "open, save",
            "png", "jpg", "webp", "tif", own=True),
    _python("pillow", "Pillow",
            _PILLOW + "image.save(r'{target}', xmp=image.info.get('xmp') or "
            "image.info.get('XML:com.adobe.xmp', '').encode())",
            "open, save with `xmp=`", "jpg", "webp", own=True),
    _python("pillow", "Pillow",
            _PILLOW + "from PIL.PngImagePlugin import PngInfo; info = PngInfo(); "
            "info.add_itxt('XML:com.adobe.xmp', image.info['XML:com.adobe.xmp']); "
            "image.save(r'{target}', pnginfo=info)",
            "open, save with `pnginfo=`", "png", own=True),
    _python("opencv-python-headless", "OpenCV", _CV2, "imread, imwrite",
            "png", "jpg", "webp", "tif", "exr", own=False),
    _python("tifffile", "tifffile", _TIFFFILE, "imread, imwrite", "tif", own=True),
    _python("openimageio", "OpenImageIO", _OIIO, "read, write", "png", "jpg", "tif", "exr",
            own=True),
    Trip("ImageMagick", "convert", ("png", "jpg", "webp", "tif"),
         ("{convert}", "{source}", "{target}"), ("{convert}", "-version")),
    Trip("ImageMagick", "convert -strip", ("png", "jpg", "webp"),
         ("{convert}", "{source}", "-strip", "{target}"), ("{convert}", "-version")),
    Trip("GIMP", "open, export", ("png", "jpg", "webp", "tif"),
         ("gimp", "-i", "-d", "-f", "-b", _GIMP), ("gimp", "--version")),
    Trip("Krita", "open, export", ("png", "jpg", "webp", "tif"),
         (*_KRITA, "--export", "--export-filename", "{target}", "{source}"),
         (*_KRITA, "--version")),
    Trip("ExifTool", "sets a title", ("png", "jpg", "webp", "tif"),
         (*_EXIFTOOL, "-XMP-dc:Title=By hand", "{source}"), ("exiftool", "-ver")),
    Trip("ExifTool", "-all=", ("png", "jpg", "webp", "tif"),
         (*_EXIFTOOL, "-all=", "{source}"), ("exiftool", "-ver")),
    _python("trimesh", "trimesh", _TRIMESH, "load, export", "glb", "ply", own=True),
    _python("pygltflib", "pygltflib", _PYGLTFLIB, "load, save", "glb", own=False),
    Trip("gltf-transform", "copy", ("glb",), ("{node}/gltf-transform", "copy", "{source}",
         "{target}"), ("{node}/gltf-transform", "--version")),
    Trip("gltf-transform", "optimize", ("glb",), ("{node}/gltf-transform", "optimize",
         "{source}", "{target}"), ("{node}/gltf-transform", "--version"), edits=True),
    Trip("gltfpack", "as it is (-noq)", ("glb",), ("{node}/gltfpack", "-noq", "-i", "{source}",
         "-o", "{target}"), ("{node}/gltfpack", "-v")),
    Trip("gltfpack", "with -noq -ke (keep extras)", ("glb",), ("{node}/gltfpack", "-noq", "-ke",
         "-i", "{source}", "-o", "{target}"), ("{node}/gltfpack", "-v")),
    Trip("Blender", "import, export glTF", ("glb",),
         (*_BLENDER, _BLENDER_GLB.replace("{more}", "")), ("blender", "--version")),
    Trip("Blender", "import, export glTF with custom properties", ("glb",),
         (*_BLENDER, _BLENDER_GLB.replace("{more}", ", export_extras=True")),
         ("blender", "--version")),
    Trip("Blender", "import, export", ("ply",), (*_BLENDER, _BLENDER_PLY),
         ("blender", "--version")),
    Trip("Blender", "import, export", ("usda", "usdc"), (*_BLENDER, _BLENDER_USD),
         ("blender", "--version")),
    _python("usd-core", "OpenUSD", _USD_LAYER, "a layer's Export (as `usdcat`)",
            "usda", "usdc", own=True),
    _python("usd-core", "OpenUSD", _USD, "a stage's Export (as `usdcat --flatten`)",
            "usda", "usdc", own=True),
)  # fmt: skip


def run(trip: Trip, source: Path, target: Path) -> str | None:
    """Send `source` through; None where `target` is there afterwards, else why it is not."""
    command = [_filled(part, source, target) for part in trip.command]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    # OpenCV reads and writes OpenEXR only where this is said.
    environment["OPENCV_IO_ENABLE_OPENEXR"] = "1"
    said, code = _finished(command, environment)
    if code is None:
        return f"stopped after {SECONDS} s"
    if target.is_file() and target.stat().st_size:
        return None
    lines = said.strip().splitlines()
    errors = [line for line in lines if "error" in line.lower()]
    last = (errors or lines)[-1:] or [f"exit code {code}"]
    return last[0].strip().replace(str(source.parent), "")[:160]


def _finished(command: list[str], environment: Mapping[str, str]) -> tuple[str, int | None]:
    """What a program printed, and its exit code; None where it had to be stopped."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
        # Its own group, so that programs that it started are stopped with it.
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return "", None
    return said, process.returncode


def missing(trip: Trip) -> str | None:
    """Why the program cannot run here; None where it can."""
    program = _filled(trip.version[0], Path(), Path())
    if shutil.which(program) is None:
        return f"{trip.tool} is not installed"
    return None if version(trip) else f"{trip.tool} does not run"


@cache
def version(trip: Trip) -> str | None:
    """The version of the program, the first number that it prints."""
    command = [_filled(part, Path(), Path()) for part in trip.version]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"[0-9]+(?:\.[0-9]+)+", done.stdout or done.stderr)
    return found[0] if found else None


def _filled(part: str, source: Path, target: Path) -> str:
    node = os.environ.get("GM_ROUNDTRIP_NODE", "node_modules/.bin")
    values = {
        "{source}": str(source),
        "{target}": str(target),
        _OWN: sys.executable,
        _THEIRS: os.environ.get("GM_ROUNDTRIP_PYTHON", sys.executable),
        "{node}": node,
        # Debian's name, since `convert` may be another program of that name.
        "{convert}": next(filter(shutil.which, ("convert-im6.q16", "magick")), "convert"),
    }
    for name, value in values.items():
        part = part.replace(name, value)
    return part
