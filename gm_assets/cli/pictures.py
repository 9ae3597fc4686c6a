"""Pictures in a terminal: the kitty and iTerm2 protocols, sixel, or coloured half blocks.

Which one a terminal speaks is told by its environment; asking it would cost a round trip and
leave escape codes in terminals that do not answer. `GM_PICTURES` overrides the choice:
`kitty`, `iterm`, `sixel`, `blocks` or `none`. Protocols: kitty graphics protocol (direct
transmission of PNG), iTerm2 inline images (OSC 1337), DEC sixel graphics with 256 colours.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

#: Pixels of a character cell, for protocols that count pixels; cells are about 1 : 2.
CELL = (10, 20)
#: kitty takes base64 in pieces of at most 4096 bytes.
_KITTY_CHUNK = 4096


class Protocol(Enum):
    """How pictures reach the terminal."""

    KITTY = "kitty"
    ITERM = "iterm"
    SIXEL = "sixel"
    BLOCKS = "blocks"
    NONE = "none"


_KITTY_PROGRAMS = ("ghostty", "kitty")
_ITERM_PROGRAMS = ("iTerm.app", "WezTerm", "vscode", "mintty")
_SIXEL_TERMS = ("foot", "mlterm", "yaft", "contour")


def detect(environment: Mapping[str, str]) -> Protocol:
    """The best protocol that these environment variables speak for.

    Inside tmux and screen only half blocks are sure to arrive.
    """
    forced = environment.get("GM_PICTURES", "").lower()
    if forced in {protocol.value for protocol in Protocol}:
        return Protocol(forced)
    term = environment.get("TERM", "")
    program = environment.get("TERM_PROGRAM", "")
    if not term.startswith(("tmux", "screen")) and "TMUX" not in environment:
        if "KITTY_WINDOW_ID" in environment or "kitty" in term or program in _KITTY_PROGRAMS:
            return Protocol.KITTY
        if program in _ITERM_PROGRAMS or environment.get("LC_TERMINAL") == "iTerm2":
            return Protocol.ITERM
        if "sixel" in term or term.startswith(_SIXEL_TERMS):
            return Protocol.SIXEL
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return Protocol.BLOCKS
    return Protocol.NONE


def render(image: Image.Image, columns: int, protocol: Protocol) -> str:
    """`image` as text for a terminal, `columns` cells wide, ending with a line break.

    Args:
        image: RGB.
        columns: width in character cells; the height follows from the aspect ratio.
    """
    rows = max(1, round(image.height * columns / image.width / 2))
    if protocol is Protocol.KITTY:
        return _kitty(_png(image), columns, rows)
    if protocol is Protocol.ITERM:
        return _iterm(_png(image), columns)
    if protocol is Protocol.SIXEL:
        return _sixel(image.resize((columns * CELL[0], rows * CELL[1])))
    if protocol is Protocol.BLOCKS:
        return _blocks(image.resize((columns, rows * 2)))
    return ""


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _kitty(png: bytes, columns: int, rows: int) -> str:
    data = base64.b64encode(png).decode()
    pieces = [data[i : i + _KITTY_CHUNK] for i in range(0, len(data), _KITTY_CHUNK)]
    head = f"a=T,f=100,q=2,c={columns},r={rows},"
    written = []
    for number, piece in enumerate(pieces):
        more = int(number < len(pieces) - 1)
        written.append(f"\x1b_G{head if number == 0 else ''}m={more};{piece}\x1b\\")
    return "".join(written) + "\n"


def _iterm(png: bytes, columns: int) -> str:
    data = base64.b64encode(png).decode()
    return f"\x1b]1337;File=inline=1;size={len(png)};width={columns}:{data}\x07\n"


def _sixel(image: Image.Image) -> str:
    """Bands of six rows; in each, one run-length coded line for each colour that occurs."""
    import numpy as np

    reduced = image.quantize(256)
    palette = np.array(reduced.getpalette() or [], np.int64).reshape(-1, 3)
    pixels = np.asarray(reduced)
    height, width = pixels.shape
    written = [f'\x1bPq"1;1;{width};{height}']
    for number in np.unique(pixels):
        red, green, blue = (palette[number] * 100 + 127) // 255
        written.append(f"#{number};2;{red};{green};{blue}")
    weights = 1 << np.arange(6)
    for top in range(0, height, 6):
        band = pixels[top : top + 6]
        for number in np.unique(band):
            bits = ((band == number) * weights[: len(band), None]).sum(axis=0)
            written.append(f"#{number}{_runs(bits.tolist())}$")
        written.append("-")
    return "".join(written) + "\x1b\\\n"


def _runs(bits: list[int]) -> str:
    written, start = [], 0
    for index in range(1, len(bits) + 1):
        if index == len(bits) or bits[index] != bits[start]:
            count, sign = index - start, chr(63 + bits[start])
            written.append(f"!{count}{sign}" if count > 3 else sign * count)
            start = index
    return "".join(written)


def _blocks(image: Image.Image) -> str:
    """Two pixels a cell: the upper half block in the colour of one on that of the other."""
    lines = []
    for y in range(0, image.height, 2):
        line = []
        for x in range(image.width):
            upper, lower = image.getpixel((x, y)), image.getpixel((x, y + 1))
            line.append(f"\x1b[38;2;{_rgb(upper)};48;2;{_rgb(lower)}m▀")
        lines.append("".join(line) + "\x1b[0m\n")
    return "".join(lines)


def _rgb(pixel: object) -> str:
    assert isinstance(pixel, tuple)
    return ";".join(map(str, pixel[:3]))
