"""ph1: the same bits everywhere, near for near pictures, far for others."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from gm_assets.identity import identify_bytes, perceptual_hash
from gm_assets_tests.identity.pictures import Samples, encode, noise, png


def ph1(samples: Samples) -> str:
    """The scheme once more in Python integers, as its documentation words it."""
    height, width, bands = samples.shape
    planes = [[[int(v) for v in row] for row in samples[..., b]] for b in range(bands)]
    alpha = planes[3] if bands == 4 else [[255] * width] * height
    fx, fy = (max(1, 2 ** int(math.log2(max(1, side // 64)))) for side in (width, height))
    columns, rows, n = width // fx, height // fy, fx * fy

    def reduced(plane: list[list[int]]) -> list[list[int]]:
        return [
            [
                (sum(sum(plane[y * fy + j][x * fx : x * fx + fx]) for j in range(fy)) + n // 2) // n
                for x in range(columns)
            ]
            for y in range(rows)
        ]

    def premultiplied(plane: list[list[int]]) -> list[list[int]]:
        return [
            [(2 * c * a + 255) // 510 for c, a in zip(row, veil, strict=True)]
            for row, veil in zip(plane, alpha, strict=True)
        ]

    r, g, b = (reduced(premultiplied(plane)) for plane in planes[:3])
    a = reduced(alpha)
    luma = [
        [
            ((19595 * r[y][x] + 38470 * g[y][x] + 7471 * b[y][x] + 32768) >> 16) + 255 - a[y][x]
            for x in range(columns)
        ]
        for y in range(rows)
    ]

    def weights(length: int) -> list[list[int]]:
        return [
            [
                max(0, min(32 * i + 32, (j + 1) * length) - max(32 * i, j * length))
                for i in range(length)
            ]
            for j in range(32)
        ]

    wx, wy = weights(columns), weights(rows)
    across = [[sum(w * v for w, v in zip(ws, row, strict=True)) for ws in wx] for row in luma]
    area = [
        [sum(wy[j][y] * across[y][i] for y in range(rows)) for i in range(32)] for j in range(32)
    ]
    cos = [
        [round(1024 * math.cos(math.pi * (2 * i + 1) * k / 64)) for i in range(32)]
        for k in range(1, 9)
    ]
    half = [[sum(cos[v][y] * area[y][i] for y in range(32)) for i in range(32)] for v in range(8)]
    flat = [sum(cos[u][i] * half[v][i] for i in range(32)) for v in range(8) for u in range(8)]
    middle = sorted(flat)[31]
    return f"{int(''.join('1' if c > middle else '0' for c in flat), 2):016x}"


def distance(a: str | None, b: str | None) -> int:
    assert a is not None and b is not None
    return (int(a, 16) ^ int(b, 16)).bit_count()


def scene(width: int, height: int) -> Image.Image:
    """A picture with large and small structure, the same at every size."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    red = np.sin(7 * x + 3 * y * y) + (np.hypot(x - 0.4, y - 0.6) < 0.25)
    green = np.cos(11 * y - 4 * x) + 0.5 * np.sin(30 * x * y)
    blue = x * y + (abs(x - y) < 0.1)
    planes = np.stack((red, green, blue), -1)
    low, high = planes.min(), planes.max()
    return Image.fromarray(((planes - low) / (high - low) * 255).astype(np.uint8))


@pytest.mark.parametrize(
    "shape",
    [(1, 1, 3), (7, 40, 3), (33, 64, 4), (63, 128, 3), (127, 130, 4), (200, 300, 4), (259, 2, 3)],
)
def test_the_hash_is_what_its_documentation_says(shape: tuple[int, int, int]) -> None:
    samples = noise(*shape)
    assert perceptual_hash(samples) == ph1(samples)
    assert identify_bytes(encode(Image.fromarray(samples))).perceptual_hash == ph1(samples)


def test_known_hashes_do_not_move() -> None:
    y, x = np.mgrid[0:400, 0:500]
    rings = np.stack(((x * x + 3 * y * y) >> 9, (x * y) >> 10, (x + 2 * y) >> 2), axis=-1)
    assert perceptual_hash(rings.astype(np.uint8)) == "b6163465ed8b1276"
    assert perceptual_hash(noise(300, 200, 4)) == "ab5918c7259cbac6"


def test_strips_of_a_large_picture_give_the_hash_of_the_whole() -> None:
    for image in (scene(1500, 1100), Image.fromarray(noise(1100, 700, 4))):
        found = identify_bytes(encode(image, compress_level=1))
        assert found.perceptual_hash == perceptual_hash(np.asarray(image))


def test_sixteen_bits_and_eight_bits_of_one_picture_are_near() -> None:
    samples = np.asarray(scene(40, 30))
    deep = samples.astype(np.uint16) * 256 + 100
    assert identify_bytes(png(deep)).perceptual_hash == perceptual_hash(samples)


def test_a_smaller_or_compressed_copy_is_near_and_another_picture_far() -> None:
    large = identify_bytes(encode(scene(900, 700))).perceptual_hash
    small = identify_bytes(encode(scene(900, 700).resize((300, 233)))).perceptual_hash
    lossy = identify_bytes(encode(scene(900, 700), "JPEG", quality=40)).perceptual_hash
    other = identify_bytes(encode(scene(900, 700).rotate(90, expand=True))).perceptual_hash
    assert distance(large, small) <= 4
    assert distance(large, lossy) <= 4
    assert distance(large, other) >= 20


def test_transparency_reads_as_white_paper() -> None:
    drawing = Image.new("RGBA", (200, 200))
    drawing.paste((0, 0, 0, 255), (30, 40, 90, 170))
    drawing.paste((60, 60, 60, 255), (120, 20, 140, 190))
    paper = Image.new("RGBA", drawing.size, "white")
    paper.alpha_composite(drawing)
    found = identify_bytes(encode(drawing))
    assert found.perceptual_hash == identify_bytes(encode(paper.convert("RGB"))).perceptual_hash


def test_a_flat_picture_has_no_bits() -> None:
    for colour in ("black", "white", (10, 200, 30)):
        assert identify_bytes(encode(Image.new("RGB", (99, 77), colour))).perceptual_hash == (
            "0" * 16
        )
