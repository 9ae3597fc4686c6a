"""The one EXIF fact that identity records: the orientation.

Reads IFD0 of the TIFF structure that EXIF 3.0 (CIPA DC-008, 4.5) puts into JPEG APP1, PNG eXIf
and WebP EXIF. Everything else of EXIF is kept in the files and not interpreted.
"""

from __future__ import annotations

import struct

_ORIENTATION = 0x0112
_SHORT, _LONG = 3, 4
#: IFD0 of a camera has some 20 entries; a forged count must not cost time.
_MAX_ENTRIES = 1024


def orientation(tiff: bytes) -> int | None:
    """Orientation 1 to 8 of an EXIF block (with or without its `Exif\\0\\0` lead), else None.

    Damaged EXIF gives None: the picture does not depend on it.
    """
    if tiff.startswith(b"Exif\0\0"):
        tiff = tiff[6:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return None
    (ifd,) = struct.unpack_from(order + "I", tiff, 4)
    if ifd + 2 > len(tiff):
        return None
    (count,) = struct.unpack_from(order + "H", tiff, ifd)
    for index in range(min(count, _MAX_ENTRIES)):
        entry = ifd + 2 + 12 * index
        if entry + 12 > len(tiff):
            return None
        tag, kind, number = struct.unpack_from(order + "HHI", tiff, entry)
        if tag == _ORIENTATION and number == 1 and kind in (_SHORT, _LONG):
            (value,) = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), tiff, entry + 8)
            return value if 1 <= value <= 8 else None
    return None
