"""Front and side of a bell tower, set out by rule: the drawings that one chain begins with.

No mesh stands behind them. They are drawn to one scale on sheets of one size, as a draughtsman
gives them to a modeller; what can be known of the tower is what the two outlines say.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.looks.elevation import Board
from gm_assets.world.looks.kit import pointed_arch
from gm_assets.world.looks.strokes import Sheet

Floats = NDArray[np.float64]
Picture = NDArray[np.uint8]

#: Half widths of the front and their heights, from the ground up, as parts of the sheet's height.
_FRONT = (
    (0.200, 0.000), (0.200, 0.034), (0.176, 0.042), (0.172, 0.190), (0.150, 0.226),
    (0.132, 0.400), (0.150, 0.414), (0.150, 0.436), (0.122, 0.450), (0.110, 0.585),
    (0.130, 0.600), (0.130, 0.620), (0.078, 0.640), (0.060, 0.700), (0.014, 0.850),
    (0.000, 0.872),
)  # fmt: skip
#: The same of the side: the tower is less deep than broad.
_SIDE = (
    (0.150, 0.000), (0.150, 0.034), (0.132, 0.042), (0.128, 0.190), (0.112, 0.226),
    (0.100, 0.400), (0.116, 0.414), (0.116, 0.436), (0.094, 0.450), (0.086, 0.585),
    (0.104, 0.600), (0.104, 0.620), (0.066, 0.640), (0.052, 0.700), (0.014, 0.850),
    (0.000, 0.872),
)  # fmt: skip
#: The porch before the side's front edge, which only the side shows.
_PORCH = ((0.130, 0.235), (0.196, 0.165), (0.206, 0.150), (0.206, 0.000))
_LEVELS = (0.042, 0.226, 0.425, 0.610, 0.872)


def tower_front(width: int, height: int, sheet: Sheet) -> Picture:
    """The tower from the front (+Z): portal, lancets, bell stage and spire."""
    board = _begun(width, height)
    shape = np.array(_FRONT)
    _body(board, shape)
    for order in (0.0, 0.014, 0.028):
        arch = pointed_arch(0.075 + 2 * order, 0.06 + order, 0.075, 40)
        board.line(_closed(arch, 0.012), weight=0.7, width=1.1)
    board.shade(_closed(pointed_arch(0.075, 0.06, 0.075, 40), 0.012), 1.0)
    for x in (-0.062, 0.0, 0.062):
        _lancet(board, x, 0.255, 0.026, 0.11)
    for x in (-0.045, 0.045):
        _lancet(board, x, 0.468, 0.044, 0.085)
    return board.finished(sheet)


def tower_side(width: int, height: int, sheet: Sheet) -> Picture:
    """The tower from its left (+X): the front, with its porch, is on the sheet's left."""
    board = _begun(width, height)
    _body(board, np.array(_SIDE))
    porch = np.array(_PORCH) * np.array([-1, 1])
    board.line(porch, weight=0.85, width=1.6)
    board.line([(-0.206, 0.0), (-0.12, 0.0)], weight=0.8, width=1.4)
    board.shade([*porch, (-0.13, 0.0)], 0.3)
    for x in (-0.035, 0.035):
        _lancet(board, x, 0.255, 0.026, 0.11)
    _lancet(board, 0.0, 0.468, 0.046, 0.085)
    return board.finished(sheet)


def _begun(width: int, height: int) -> Board:
    board = Board(width, height, ground=0.07)
    board.rule([(0, -0.03), (0, 0.91)], 0.2)
    for level in _LEVELS:
        board.rule([(-0.285, level), (-0.245, level)], 0.3)
    board.rule([(-0.265, 0.0), (-0.265, _LEVELS[-1])], 0.22)
    return board


def _body(board: Board, shape: Floats) -> None:
    """Outline, storeys and shade of a tower that is the same on both sides of its axis."""
    board.both(shape, weight=0.88, width=1.7, loose=0.35)
    board.line([(-shape[0, 0], 0.0), (shape[0, 0], 0.0)], weight=0.85, width=1.6)
    for x, y in shape[1:-2]:
        board.line([(-x, y), (x, y)], weight=0.42, width=0.9)
    for y in np.arange(0.075, 0.2, 0.034):  # courses of the base
        x = float(np.interp(y, shape[:5, 1], shape[:5, 0]))
        board.line([(-x, y), (x, y)], weight=0.46, width=0.9)
    for side in (-1, 1):  # pinnacles on the shoulders
        foot = shape[3, 0] - 0.014
        spire = np.array([(-0.016, 0.196), (-0.012, 0.262), (0.0, 0.325), (0.012, 0.262),
                          (0.016, 0.196)]) + np.array([foot, 0.0])  # fmt: skip
        board.line(spire * np.array([side, 1]), weight=0.8, width=1.4)
        board.shade(spire * np.array([side, 1]), 0.55 if side > 0 else 0.25)
    board.shade(np.concatenate([shape * np.array([0.35, 1]), shape[::-1]]), 0.62)
    board.shade(np.concatenate([shape * np.array([-0.15, 1]), shape[::-1] * np.array([-0.7, 1])]),
                0.16)  # fmt: skip


def _lancet(board: Board, x: float, foot: float, wide: float, tall: float) -> None:
    arch = pointed_arch(wide, wide * 0.8, foot + tall - wide * 0.8, 24) + np.array([x, 0.0])
    shape = np.concatenate([[(x - wide / 2, foot)], arch, [(x + wide / 2, foot)]])
    board.shade(shape, 0.95)
    board.line(np.concatenate([shape, shape[:1]]), weight=0.6)


def _closed(arch: Floats, foot: float) -> Floats:
    return np.concatenate([[(arch[0, 0], foot)], arch, [(arch[-1, 0], foot)]])
