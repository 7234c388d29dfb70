"""One view of a synthetic street: an image and its exact truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geosemimtl.data.street.geometry import Camera
from geosemimtl.data.street.looks import look_named
from geosemimtl.data.street.materials import Thing
from geosemimtl.data.street.plan import bonnet, draw_camera, draw_section, draw_street
from geosemimtl.data.street.rendering import render
from geosemimtl.data.street.tracing import Hits, trace
from geosemimtl.errors import ConfigError

#: Smallest side of an image.
_LEAST_PX = 16


@dataclass(frozen=True, slots=True)
class Truth:
    """What each pixel's centre sees.

    Attributes:
        label_ids: Label ids of Cityscapes, ``(rows, cols)``.
        depth_m: Along the optical axis, metres, infinite in the sky, ``(rows, cols)``.
        normals: Unit vectors in camera coordinates (x right, y down, z forward), towards the
            camera, 0 in the sky, ``(3, rows, cols)``.
    """

    label_ids: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    normals: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class StreetView:
    """An image of a street and its truth.

    Attributes:
        image: Red, green and blue, ``(3, rows, cols)``.
        label_ids: As ``Truth``'s.
        depth_m: As ``Truth``'s.
        normals: As ``Truth``'s.
        camera: What looks.
    """

    image: NDArray[np.uint8]
    label_ids: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    normals: NDArray[np.float32]
    camera: Camera

    @property
    def disparity_px(self) -> NDArray[np.float32]:
        """Shift between the two cameras' images, pixels, 0 in the sky, ``(rows, cols)``."""
        product = np.float32(self.camera.focal_px * self.camera.baseline_m)
        shift: NDArray[np.float32] = product / self.depth_m
        return shift


def street_view(look: str, seed: int, shape: tuple[int, int] = (256, 512)) -> StreetView:
    """Draw a street and look at it.

    Args:
        look: ``rendered``, clean as a renderer's, or ``camera``, as a car's camera sees it.
        seed: What names the street; the same seed gives the same bytes, and at another shape the
            same street.
        shape: Rows and columns.

    Raises:
        ConfigError: There is no such look, or the image is too small.
    """
    known = look_named(look)
    if min(shape) < _LEAST_PX:
        raise ConfigError(
            f"a view of a synthetic street of {shape[0]} x {shape[1]} px is too small: "
            f"{_LEAST_PX} px a side are the least"
        )
    number = sorted(("rendered", "camera")).index(known.name)
    planned, seen = (np.random.default_rng((seed, number, part)) for part in range(2))
    section = draw_section(known.style, planned)
    things = draw_street(known.style, section, planned)
    camera = draw_camera(known.optics, section, shape, seen)
    if known.optics.bonnet:
        things += (bonnet(camera),)
    hits = trace(things, camera)
    truth = truth_of(hits.centres(), camera)
    image = render(hits, things, camera, known.light, known.optics, seen)
    return StreetView(image, truth.label_ids, truth.depth_m, truth.normals, camera)


def look_at(things: tuple[Thing, ...], camera: Camera) -> Truth:
    """Return the truth of any things, without an image."""
    return truth_of(trace(things, camera).centres(), camera)


def truth_of(hits: Hits, camera: Camera) -> Truth:
    """Return the truth of what pixels' centres meet."""
    normals = np.tensordot(camera.axes.T, hits.normals(), 1)
    return Truth(hits.labels(), hits.depth_m.astype(np.float32), normals.astype(np.float32))
