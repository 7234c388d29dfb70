"""What surfaces are made of: their class, their reflectance by band, their texture.

Reflectances are rounded values in the usual range of published spectra for near infrared, red,
green and blue. A surface's class follows from its material, so image and label cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, auto

import numpy as np
from numpy.typing import NDArray

from geosemimtl.classes import ISPRS_CLASSES

#: The order of the reflectances below.
SPECTRAL_BANDS = ("nir", "red", "green", "blue")

Spectrum = tuple[float, float, float, float]


class Material(IntEnum):
    """The materials, as values of the material map."""

    ASPHALT = 0
    SLABS = auto()
    COBBLES = auto()
    PAINT = auto()
    RED_TILES = auto()
    BROWN_TILES = auto()
    SLATE = auto()
    GRAVEL_ROOF = auto()
    BITUMEN = auto()
    SHEET_METAL = auto()
    LAWN = auto()
    MEADOW = auto()
    BED = auto()
    BROADLEAF = auto()
    CONIFER = auto()
    CAR_WHITE = auto()
    CAR_SILVER = auto()
    CAR_BLACK = auto()
    CAR_RED = auto()
    CAR_BLUE = auto()
    CONTAINER_BLUE = auto()
    CONTAINER_ORANGE = auto()
    RUBBLE = auto()
    WATER = auto()


@dataclass(frozen=True, slots=True)
class Surface:
    """How a material looks.

    Attributes:
        land_class: Name of its class in ``ISPRS_CLASSES``.
        reflectance: Of nir, red, green and blue, in [0, 1]; vegetation in full leaf.
        spread: What a hue of +1 adds to each reflectance.
        dry: Reflectance of vegetation out of season, ``None`` for what has no season.
        mottle: Relative deviation of its brightness by irregular texture.
        patchiness: Deviation of its hue by texture.
        rib_m: Period in metres of regular ribs (tile rows, seams, corrugation), 0 for none.
        rib: Relative depth of these ribs.
    """

    land_class: str
    reflectance: Spectrum
    spread: Spectrum = (0.0, 0.0, 0.0, 0.0)
    dry: Spectrum | None = None
    mottle: float = 0.1
    patchiness: float = 0.0
    rib_m: float = 0.0
    rib: float = 0.0


_GREY = (0.015, 0.010, 0.0, -0.010)
_TILE = (0.05, 0.05, 0.02, 0.01)
_LEAF = (0.06, 0.022, 0.012, 0.004)
_DRY_GRASS = (0.30, 0.20, 0.165, 0.10)
_DRY_LEAF = (0.25, 0.12, 0.105, 0.07)

SURFACES: dict[Material, Surface] = {
    Material.ASPHALT: Surface("impervious", (0.155, 0.135, 0.13, 0.12), _GREY, None, 0.10, 0.3),
    Material.SLABS: Surface("impervious", (0.29, 0.265, 0.25, 0.22), _GREY, None, 0.10, 0.3),
    Material.COBBLES: Surface("impervious", (0.25, 0.21, 0.18, 0.15), _GREY, None, 0.14, 0.4),
    Material.PAINT: Surface("impervious", (0.50, 0.52, 0.52, 0.50), mottle=0.15),
    Material.RED_TILES: Surface(
        "building", (0.36, 0.29, 0.145, 0.10), _TILE, None, 0.12, 0.25, 0.34, 0.10
    ),
    Material.BROWN_TILES: Surface(
        "building", (0.25, 0.17, 0.115, 0.09), _TILE, None, 0.12, 0.2, 0.34, 0.10
    ),
    Material.SLATE: Surface(
        "building", (0.13, 0.12, 0.125, 0.13), _GREY, None, 0.08, 0.3, 0.5, 0.08
    ),
    Material.GRAVEL_ROOF: Surface("building", (0.34, 0.32, 0.30, 0.27), _GREY, None, 0.10, 0.5),
    Material.BITUMEN: Surface(
        "building", (0.20, 0.19, 0.19, 0.18), _GREY, None, 0.08, 0.4, 1.1, 0.05
    ),
    Material.SHEET_METAL: Surface(
        "building", (0.40, 0.41, 0.42, 0.41), _GREY, None, 0.05, 0.2, 0.7, 0.06
    ),
    Material.LAWN: Surface(
        "low_vegetation", (0.46, 0.10, 0.125, 0.06), _LEAF, _DRY_GRASS, 0.12, 0.8
    ),
    Material.MEADOW: Surface(
        "low_vegetation", (0.40, 0.12, 0.125, 0.06), (0.06, 0.04, 0.025, 0.01), _DRY_GRASS, 0.2, 1.0
    ),
    Material.BED: Surface(
        "low_vegetation", (0.30, 0.14, 0.12, 0.08), (0.08, 0.03, 0.01, 0.0), _DRY_GRASS, 0.3, 1.0
    ),
    Material.BROADLEAF: Surface("tree", (0.47, 0.052, 0.082, 0.035), _LEAF, _DRY_LEAF, 0.22, 0.3),
    Material.CONIFER: Surface(
        "tree",
        (0.27, 0.04, 0.058, 0.03),
        (0.04, 0.01, 0.008, 0.0),
        (0.25, 0.042, 0.058, 0.03),
        0.25,
    ),
    Material.CAR_WHITE: Surface("car", (0.60, 0.62, 0.62, 0.62), mottle=0.04),
    Material.CAR_SILVER: Surface("car", (0.36, 0.37, 0.38, 0.39), mottle=0.04),
    Material.CAR_BLACK: Surface("car", (0.05, 0.04, 0.04, 0.04), mottle=0.05),
    Material.CAR_RED: Surface("car", (0.42, 0.40, 0.06, 0.05), mottle=0.04),
    Material.CAR_BLUE: Surface("car", (0.16, 0.07, 0.14, 0.34), mottle=0.04),
    Material.CONTAINER_BLUE: Surface(
        "clutter", (0.12, 0.10, 0.27, 0.42), (0.03, 0.02, 0.05, 0.05), None, 0.06, 0.0, 0.6, 0.22
    ),
    Material.CONTAINER_ORANGE: Surface(
        "clutter", (0.34, 0.50, 0.19, 0.06), (0.03, 0.05, 0.05, 0.01), None, 0.06, 0.0, 0.6, 0.22
    ),
    Material.RUBBLE: Surface(
        "clutter", (0.30, 0.31, 0.25, 0.17), (0.05, 0.06, 0.04, 0.02), None, 0.55, 1.0
    ),
    Material.WATER: Surface(
        "clutter", (0.025, 0.05, 0.10, 0.11), (0.0, 0.01, 0.03, 0.02), None, 0.05, 0.3
    ),
}

CARS = (
    Material.CAR_WHITE,
    Material.CAR_SILVER,
    Material.CAR_BLACK,
    Material.CAR_RED,
    Material.CAR_BLUE,
)


def class_table() -> NDArray[np.uint8]:
    """Class index of each material, ``(materials,)``."""
    names = ISPRS_CLASSES.names
    return np.array([names.index(SURFACES[m].land_class) for m in Material], dtype=np.uint8)


def texture_tables() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mottle and patchiness of each material, ``(materials,)`` each."""
    mottle = np.array([SURFACES[m].mottle for m in Material], dtype=np.float32)
    patchiness = np.array([SURFACES[m].patchiness for m in Material], dtype=np.float32)
    return mottle, patchiness


def reflectance_tables(
    bands: Sequence[str], greenness: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Reflectance of each material and what a hue of +1 adds to it.

    Args:
        bands: Names out of ``SPECTRAL_BANDS``, in the order wanted.
        greenness: 1 in full leaf, 0 for dry grass and bare trees.

    Returns:
        Two arrays ``(materials, bands)``.
    """
    columns = [SPECTRAL_BANDS.index(band) for band in bands]
    means = []
    for material in Material:
        surface = SURFACES[material]
        lush = np.array(surface.reflectance)
        dry = lush if surface.dry is None else np.array(surface.dry)
        means.append(greenness * lush + (1.0 - greenness) * dry)
    spreads = np.array([SURFACES[material].spread for material in Material])
    mean = np.array(means, dtype=np.float32)[:, columns]
    return mean, spreads.astype(np.float32)[:, columns]
