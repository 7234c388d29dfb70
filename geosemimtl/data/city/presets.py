"""How a city is built and what looks at it; the two presets that differ as two sensors do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from geosemimtl.data.city.materials import Material
from geosemimtl.errors import ConfigError


@dataclass(frozen=True, slots=True)
class CityStyle:
    """How a city is built. Lengths in metres, areas in square metres, shares in [0, 1].

    Attributes:
        block_m2: Mean area of a block between the middles of its streets.
        main_street_m: Width of a main street's carriageway.
        side_street_m: Width of a side street's carriageway.
        pavement_m: Width of a pavement.
        block_kinds: Weight of each kind of block (the names of ``blocks.FILLERS``).
        storeys: Fewest and most storeys of a house.
        storey_m: Height of a storey.
        pitches: Least and largest rise over run of a sloped roof.
        roofs: Weight of each roof form: flat, gable, hip, stepped.
        sloped_materials: Weight of each material of a sloped roof.
        flat_materials: Weight of each material of a flat roof.
        parked_share: Share of kerbside places with a car.
        moving_per_m: Driving cars for a metre of lane.
        street_tree_share: Share of pavement places with a tree.
        conifer_share: Share of conifers among trees.
        tree_share: Share of a block's open ground under crowns.
        clutter_share: Share of a block's ground under clutter.
        sealed_share: Share of paved yards among yards.
    """

    block_m2: float
    main_street_m: float
    side_street_m: float
    pavement_m: float
    block_kinds: Mapping[str, float]
    storeys: tuple[int, int]
    storey_m: float
    pitches: tuple[float, float]
    roofs: Mapping[str, float]
    sloped_materials: Mapping[Material, float]
    flat_materials: Mapping[Material, float]
    parked_share: float
    moving_per_m: float
    street_tree_share: float
    conifer_share: float
    tree_share: float
    clutter_share: float
    sealed_share: float


@dataclass(frozen=True, slots=True)
class Sensor:
    """What looks at the city, when, and from which light.

    Attributes:
        bands: Names of the bands in file order, out of ``materials.SPECTRAL_BANDS``.
        gsd_m: Native ground sampling distance.
        epsg: Code of the CRS its scenes are delivered in, in metres.
        sun_azimuth_deg: Where the sun stands, clockwise from north.
        sun_elevation_deg: Its height above the horizon.
        ambient: For each band, the share of light that also reaches a shadow.
        haze: For each band, the reflectance that the air adds.
        gain: For each band, the factor on what arrives.
        gamma: Exponent of the response; below 1 lifts the dark.
        greenness: Season: 1 in full leaf, 0 for dry grass and bare trees.
        blur_m: Standard deviation of the optics' point spread on the ground.
        noise: Standard deviation of the sensor's noise, relative to full scale.
    """

    bands: tuple[str, ...]
    gsd_m: float
    epsg: int
    sun_azimuth_deg: float
    sun_elevation_deg: float
    ambient: tuple[float, ...]
    haze: tuple[float, ...]
    gain: tuple[float, ...]
    gamma: float
    greenness: float
    blur_m: float
    noise: float


@dataclass(frozen=True, slots=True)
class Preset:
    """A city and its sensor.

    Attributes:
        name: What the preset is called.
        style: How the city is built.
        sensor: What looks at it.
        origin_xy: World coordinates of a scene's upper-left corner, metres.
    """

    name: str
    style: CityStyle
    sensor: Sensor
    origin_xy: tuple[float, float]


_POTSDAM = Preset(
    name="potsdam",
    style=CityStyle(
        block_m2=8000.0,
        main_street_m=12.0,
        side_street_m=8.4,
        pavement_m=2.3,
        block_kinds={"perimeter": 0.56, "slabs": 0.22, "park": 0.12, "yard": 0.10},
        storeys=(2, 5),
        storey_m=3.1,
        pitches=(0.45, 0.78),
        roofs={"flat": 0.34, "gable": 0.40, "hip": 0.08, "stepped": 0.18},
        sloped_materials={
            Material.BROWN_TILES: 0.45,
            Material.RED_TILES: 0.25,
            Material.SLATE: 0.30,
        },
        flat_materials={
            Material.BITUMEN: 0.45,
            Material.GRAVEL_ROOF: 0.35,
            Material.SHEET_METAL: 0.20,
        },
        parked_share=0.26,
        moving_per_m=1 / 60,
        street_tree_share=0.5,
        conifer_share=0.12,
        tree_share=0.30,
        clutter_share=0.045,
        sealed_share=0.20,
    ),
    sensor=Sensor(
        bands=("nir", "red", "green"),
        gsd_m=0.05,
        epsg=32633,
        sun_azimuth_deg=152.0,
        sun_elevation_deg=41.0,
        ambient=(0.18, 0.24, 0.32),
        haze=(0.010, 0.020, 0.035),
        gain=(1.55, 1.75, 1.85),
        gamma=0.80,
        greenness=0.62,
        blur_m=0.035,
        noise=0.012,
    ),
    origin_xy=(366_500.0, 5_807_400.0),
)

_VAIHINGEN = Preset(
    name="vaihingen",
    style=CityStyle(
        block_m2=6600.0,
        main_street_m=9.5,
        side_street_m=7.0,
        pavement_m=1.7,
        block_kinds={
            "detached": 0.68,
            "slabs": 0.12,
            "perimeter": 0.06,
            "park": 0.06,
            "yard": 0.08,
        },
        storeys=(1, 3),
        storey_m=3.0,
        pitches=(0.65, 1.05),
        roofs={"flat": 0.10, "gable": 0.66, "hip": 0.18, "stepped": 0.06},
        sloped_materials={
            Material.RED_TILES: 0.74,
            Material.BROWN_TILES: 0.20,
            Material.SLATE: 0.06,
        },
        flat_materials={
            Material.BITUMEN: 0.30,
            Material.GRAVEL_ROOF: 0.45,
            Material.SHEET_METAL: 0.25,
        },
        parked_share=0.20,
        moving_per_m=1 / 110,
        street_tree_share=0.15,
        conifer_share=0.25,
        tree_share=0.30,
        clutter_share=0.04,
        sealed_share=0.15,
    ),
    sensor=Sensor(
        bands=("nir", "red", "green"),
        gsd_m=0.09,
        epsg=32632,
        sun_azimuth_deg=218.0,
        sun_elevation_deg=52.0,
        ambient=(0.20, 0.22, 0.28),
        haze=(0.005, 0.010, 0.020),
        gain=(1.60, 1.60, 1.50),
        gamma=1.0,
        greenness=1.0,
        blur_m=0.09,
        noise=0.02,
    ),
    origin_xy=(496_900.0, 5_419_700.0),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({p.name: p for p in (_POTSDAM, _VAIHINGEN)})


def preset(name: str) -> Preset:
    """Return the preset of a name.

    Raises:
        ConfigError: There is none of that name; the message lists the choices.
    """
    if name in PRESETS:
        return PRESETS[name]
    nearest = get_close_matches(name, PRESETS, n=1)
    hint = f" (did you mean {nearest[0]!r}?)" if nearest else ""
    raise ConfigError(f"no synthetic city {name!r}{hint}: choose one of {', '.join(PRESETS)}")
