"""How a street is built and how it is seen: the two looks, as different as two data sets are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from geosemimtl.data.street.materials import Rgb
from geosemimtl.errors import ConfigError

#: Least and greatest value of what is drawn evenly between them.
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class StreetStyle:
    """How streets are built and what is on them. Lengths in metres, shares in [0, 1].

    Attributes:
        lanes: Choices of the number of lanes, even numbers.
        lane_m: Width of a lane.
        sidewalk_m: Width of a sidewalk.
        verge_share: Chance that a side has a strip of grass along its kerb.
        length_m: Where the street ends.
        house_m: Width of a house along the street.
        storeys: Fewest and most.
        storey_m: Height of a storey.
        bay_m: Distance of windows.
        glass: Share of a bay that is window, across.
        shop_share: Share of houses with shops.
        gable_share: Share of houses with a sloped roof.
        garden_share: Share of houses behind a garden.
        gap_share: Share of places without a house.
        facades: Colours of facades.
        parking_share: Chance that a side has a parking lane.
        parked_share: Share of its places that are taken.
        traffic_m: Distance between vehicles of a lane.
        large_share: Share of trucks and buses among vehicles.
        trees_m: Distance of street trees; their chance on a side is ``tree_share``.
        tree_share: Chance that a side has trees.
        people_m: Distance of people on a sidewalk.
        bicycles_m: Distance of bicycles, ridden and parked.
        signs_m: Distance of signs.
    """

    lanes: tuple[int, ...]
    lane_m: Span
    sidewalk_m: Span
    verge_share: float
    length_m: Span
    house_m: Span
    storeys: tuple[int, int]
    storey_m: Span
    bay_m: Span
    glass: Span
    shop_share: float
    gable_share: float
    garden_share: float
    gap_share: float
    facades: tuple[Rgb, ...]
    parking_share: float
    parked_share: float
    traffic_m: Span
    large_share: float
    trees_m: Span
    tree_share: float
    people_m: Span
    bicycles_m: Span
    signs_m: Span


@dataclass(frozen=True, slots=True)
class Light:
    """What lights a street.

    Attributes:
        elevation_deg: Of the sun above the horizon.
        sun: Strength of its light.
        sun_colour: Colour of its light.
        ambient: Colour and strength of the sky's light on what lies flat.
        zenith: Colour of the sky above.
        horizon: Colour of the sky at the horizon.
        cloud: Share of clouds.
        haze_per_m: How much of the horizon's colour the air adds.
    """

    elevation_deg: Span
    sun: Span
    sun_colour: Rgb
    ambient: Rgb
    zenith: Rgb
    horizon: Rgb
    cloud: Span
    haze_per_m: Span


@dataclass(frozen=True, slots=True)
class Optics:
    """The camera and what it does to light.

    Attributes:
        focal: Focal length relative to the image's width.
        baseline_m: Distance of the two cameras.
        height_m: Above the road.
        pitch_deg: How far it looks down.
        heading_deg: Greatest angle to the street.
        bonnet: Whether it sees its own car.
        exposure: Factor on light.
        gain: Factor on red, green and blue: the colour cast.
        gamma: Exponent of the response.
        saturation: Factor on what departs from grey.
        contrast: Weight of an S-shaped tone curve.
        black: What darkness is lifted to.
        blur: Deviation of the blur, relative to the image's width.
        vignette: How much darker the corners are.
        noise: Deviation of the noise of a mean grey, relative to full scale.
    """

    focal: Span
    baseline_m: float
    height_m: Span
    pitch_deg: Span
    heading_deg: float
    bonnet: bool
    exposure: Span
    gain: Rgb
    gamma: float
    saturation: float
    contrast: float
    black: float
    blur: float
    vignette: float
    noise: float


@dataclass(frozen=True, slots=True)
class Look:
    """A domain: streets of one style, seen in one way."""

    name: str
    style: StreetStyle
    light: Light
    optics: Optics


_RENDERED = Look(
    name="rendered",
    style=StreetStyle(
        lanes=(2, 4, 4),
        lane_m=(3.3, 3.7),
        sidewalk_m=(3.2, 5.5),
        verge_share=0.1,
        length_m=(80.0, 160.0),
        house_m=(12.0, 28.0),
        storeys=(4, 10),
        storey_m=(3.2, 3.8),
        bay_m=(2.0, 3.4),
        glass=(0.5, 0.82),
        shop_share=0.7,
        gable_share=0.05,
        garden_share=0.06,
        gap_share=0.05,
        facades=(
            (0.42, 0.16, 0.10),
            (0.50, 0.34, 0.18),
            (0.62, 0.60, 0.55),
            (0.16, 0.22, 0.32),
            (0.30, 0.31, 0.33),
            (0.55, 0.42, 0.28),
            (0.36, 0.12, 0.09),
            (0.70, 0.66, 0.50),
        ),
        parking_share=0.45,
        parked_share=0.55,
        traffic_m=(12.0, 45.0),
        large_share=0.14,
        trees_m=(9.0, 16.0),
        tree_share=0.45,
        people_m=(3.0, 9.0),
        bicycles_m=(25.0, 70.0),
        signs_m=(14.0, 30.0),
    ),
    light=Light(
        elevation_deg=(28.0, 62.0),
        sun=(1.05, 1.35),
        sun_colour=(1.0, 0.95, 0.84),
        ambient=(0.40, 0.44, 0.50),
        zenith=(0.10, 0.26, 0.66),
        horizon=(0.55, 0.72, 0.95),
        cloud=(0.0, 0.55),
        haze_per_m=(0.0, 0.0006),
    ),
    optics=Optics(
        focal=(1.08, 1.13),
        baseline_m=0.209313,
        height_m=(1.4, 1.65),
        pitch_deg=(0.5, 2.5),
        heading_deg=2.0,
        bonnet=False,
        exposure=(0.95, 1.25),
        gain=(1.0, 1.0, 1.0),
        gamma=2.2,
        saturation=1.12,
        contrast=0.35,
        black=0.0,
        blur=0.0,
        vignette=0.0,
        noise=0.0,
    ),
)

_CAMERA = Look(
    name="camera",
    style=StreetStyle(
        lanes=(2, 2, 2, 4),
        lane_m=(2.8, 3.4),
        sidewalk_m=(2.2, 4.2),
        verge_share=0.35,
        length_m=(60.0, 130.0),
        house_m=(8.0, 17.0),
        storeys=(2, 5),
        storey_m=(2.8, 3.4),
        bay_m=(2.2, 3.3),
        glass=(0.36, 0.5),
        shop_share=0.3,
        gable_share=0.6,
        garden_share=0.3,
        gap_share=0.12,
        facades=(
            (0.62, 0.58, 0.48),
            (0.66, 0.64, 0.60),
            (0.58, 0.48, 0.33),
            (0.50, 0.42, 0.36),
            (0.44, 0.46, 0.44),
            (0.40, 0.24, 0.19),
            (0.60, 0.52, 0.44),
            (0.34, 0.33, 0.32),
        ),
        parking_share=0.85,
        parked_share=0.8,
        traffic_m=(20.0, 70.0),
        large_share=0.08,
        trees_m=(7.0, 13.0),
        tree_share=0.6,
        people_m=(7.0, 22.0),
        bicycles_m=(14.0, 40.0),
        signs_m=(11.0, 24.0),
    ),
    light=Light(
        elevation_deg=(18.0, 45.0),
        sun=(0.0, 0.55),
        sun_colour=(1.0, 0.96, 0.88),
        ambient=(0.56, 0.60, 0.62),
        zenith=(0.62, 0.68, 0.74),
        horizon=(0.86, 0.88, 0.88),
        cloud=(0.3, 1.0),
        haze_per_m=(0.001, 0.0045),
    ),
    optics=Optics(
        focal=(2262.52 / 2048, 2262.52 / 2048),  # Cityscapes' own
        baseline_m=0.209313,
        height_m=(1.18, 1.3),
        pitch_deg=(1.2, 3.2),
        heading_deg=3.5,
        bonnet=True,
        exposure=(0.75, 1.35),
        gain=(0.90, 1.02, 0.93),
        gamma=1.9,
        saturation=0.72,
        contrast=0.28,
        black=0.02,
        blur=0.0011,
        vignette=0.32,
        noise=0.016,
    ),
)

#: The looks by name.
LOOKS: Mapping[str, Look] = MappingProxyType({look.name: look for look in (_RENDERED, _CAMERA)})


def look_named(name: str) -> Look:
    """Return a look by its name.

    Raises:
        ConfigError: There is none of this name.
    """
    if name in LOOKS:
        return LOOKS[name]
    close = get_close_matches(name, LOOKS, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(LOOKS)}"
    raise ConfigError(f"no look of a synthetic street is called {name!r}; {hint}")
