"""The maps of a report: small pictures of scenes as data addresses, and what their colours mean."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import zip_longest
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.image import imsave
from numpy.typing import NDArray

from geosemimtl.inference.evaluation.scoring import Evaluation
from geosemimtl.inference.evaluation.views import ClassView, HeightView
from geosemimtl.publish.panels import stretched
from geosemimtl.raster.reading import image_filter, read_on_grid
from geosemimtl.raster.scene import Scene
from geosemimtl.raster.styles import HEIGHT_RAMP, shown_bands

#: Blue too low, red too high; the lightest in the middle is right.
ERROR_RAMP = ("#08519c", "#6baed6", "#f5f5f2", "#f08a62", "#a50f15")
#: What is right keeps a little of its brightness, what is wrong is loud.
RIGHT_GREY, WRONG = 204, (200, 16, 92)
#: Colours of a ramp: few, so that pictures are small.
_STEPS = 65
_GREY = (0.2126, 0.7152, 0.0722)
_JPEG_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Layer:
    """One map.

    Attributes:
        title: What it shows.
        alt: The same for who does not see it.
        address: The picture itself, as a data address.
    """

    title: str
    alt: str
    address: str


@dataclass(frozen=True, slots=True)
class SceneMaps:
    """The maps of one scene.

    Attributes:
        name: The scene's.
        note: Its size, and what a pixel of the maps stands for.
        width: Pixels of a map.
        height: Likewise.
        ratio: Width over height on the ground.
        layers: The maps.
        compared: Indices of the two that are shown first, side by side.
    """

    name: str
    note: str
    width: int
    height: int
    ratio: float
    layers: tuple[Layer, ...]
    compared: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Scales:
    """What the ends of the colour scales stand for, alike in all scenes.

    Attributes:
        top_m: Height of the brightest colour.
        error_m: Error of the strongest colours, either way.
    """

    top_m: float
    error_m: float

    @classmethod
    def of(cls, views: Sequence[HeightView]) -> Scales:
        """Choose round numbers that nearly all heights and errors stay below."""
        heights = _known([view.true for view in views])
        errors = np.abs(_known([view.error for view in views]))
        top = float(np.percentile(heights, 99.5)) if heights.size else 0.0
        error = float(np.percentile(errors, 95)) if errors.size else 0.0
        return cls(max(5.0, 5.0 * math.ceil(top / 5)), _round_up(max(error, 0.5)))


def scene_maps(
    evaluation: Evaluation, images: Sequence[Scene | None]
) -> tuple[tuple[SceneMaps, ...], Scales]:
    """Return the maps of the scenes whose views were kept, and their scales.

    Args:
        evaluation: What was scored.
        images: In the order of the class rasters, or of the height rasters where there are none:
            what the scenes themselves look like.

    Raises:
        SceneError: An image cannot be read.
    """
    land = evaluation.segmentation.views if evaluation.segmentation else ()
    heights = evaluation.height.views if evaluation.height else ()
    scales = Scales.of(heights)
    pairs: list[tuple[ClassView | None, HeightView | None]] = []
    if land and heights and len(land) == len(heights) and all(map(_alike, land, heights)):
        pairs = list(zip(land, heights, strict=True))
    else:
        pairs = [*((one, None) for one in land), *((None, one) for one in heights)]
    shown = list(images[: len(pairs)])
    return (
        tuple(
            _scene(one, other, image, scales) for (one, other), image in zip_longest(pairs, shown)
        ),
        scales,
    )


def _alike(one: ClassView, other: HeightView) -> bool:
    return one.name == other.name and one.grid.matches(other.grid)


def _scene(
    land: ClassView | None, heights: HeightView | None, image: Scene | None, scales: Scales
) -> SceneMaps:
    view = land or heights
    assert view is not None  # noqa: S101  (one of both is always there)
    layers = [] if image is None else [_image_layer(image, view)]
    first = len(layers)
    layers += [*_class_layers(land)] if land else []
    layers += [*_height_layers(heights, scales)] if heights else []
    (rows, cols), (across, down) = view.grid.shape, view.grid.gsd_m
    note = f"A pixel of these maps is {across:.3g} m wide"
    if view.step > 1:
        note += f" and stands for {view.step} x {view.step} pixels of the rasters"
    ratio = cols * across / (rows * down)
    return SceneMaps(view.name, note, cols, rows, ratio, tuple(layers), (first, first + 1))


def _class_layers(view: ClassView) -> tuple[Layer, ...]:
    grey = view.true[..., :3] @ np.array(_GREY)
    right = np.repeat((RIGHT_GREY + 0.16 * grey)[..., None], 3, axis=-1)
    share = np.nan_to_num(view.wrong)[..., None]
    wrong = right * (1 - share) + np.array(WRONG) * share
    counted = np.isfinite(view.wrong)
    known = view.wrong[counted]
    all_right = 100 * (1 - float(known.mean())) if known.size else 0.0
    of = f"land cover of {view.name}"
    return (
        Layer("True land cover", f"True {of}", png_address(view.true)),
        Layer("Predicted land cover", f"Predicted {of}", png_address(view.predicted)),
        Layer(
            "Error of land cover",
            f"Where the predicted {of} is wrong; {all_right:.0f} % of the map is right",
            png_address(_with_alpha(wrong, counted)),
        ),
    )


def _height_layers(view: HeightView, scales: Scales) -> tuple[Layer, ...]:
    ramp, errors = _ramp(HEIGHT_RAMP), _ramp(ERROR_RAMP)
    of = f"heights of {view.name}"
    top, most = scales.top_m, scales.error_m
    return (
        Layer("True heights", f"True {of}", _shaded(view.true / top, ramp)),
        Layer("Predicted heights", f"Predicted {of}", _shaded(view.predicted / top, ramp)),
        Layer(
            "Error of heights",
            f"Where the predicted {of} are too low (blue) or too high (red)",
            _shaded(view.error / (2 * most) + 0.5, errors),
        ),
    )


def _image_layer(scene: Scene, view: ClassView | HeightView) -> Layer:
    named = shown_bands(scene.bands)
    chosen = image_filter(scene.grid, view.grid)
    with read_on_grid(scene, view.grid, chosen, named) as reader:
        pixels, valid = reader.read()
    colours = 255 * stretched(pixels, valid)
    whole = valid.all()
    address = _jpeg_address(colours) if whole else png_address(_with_alpha(colours, valid))
    title = "Image" if named == ("red", "green", "blue") else f"Image ({', '.join(named)})"
    return Layer(title, f"The scene {view.name} as its sensor saw it", address)


def png_address(pixels: NDArray[np.uint8]) -> str:
    """Return a picture, uint8 (rows, columns, 4), as the data address of a PNG."""
    return _address(pixels, "png", metadata={"Software": None})


def _jpeg_address(colours: NDArray[np.float64]) -> str:
    pixels = colours.round().astype(np.uint8)
    return _address(pixels, "jpeg", pil_kwargs={"quality": _JPEG_QUALITY})


def _address(pixels: NDArray[np.uint8], form: str, **options: Any) -> str:
    data = BytesIO()
    imsave(data, pixels, format=form, **options)
    return f"data:image/{form};base64,{b64encode(data.getvalue()).decode()}"


def _with_alpha(colours: NDArray[np.floating], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
    alpha = np.where(known, 255, 0)[..., None]
    return np.concatenate([colours.round() * (alpha > 0), alpha], axis=-1).astype(np.uint8)


def _shaded(share: NDArray[np.floating], ramp: LinearSegmentedColormap) -> str:
    """Return values, 0 to 1 along a ramp and NaN where there is none, as a picture."""
    known = np.isfinite(share)
    colours = ramp(np.clip(np.where(known, share, 0), 0, 1), bytes=True)[..., :3]
    return png_address(_with_alpha(colours.astype(np.float64), known))


def _ramp(colours: Sequence[str]) -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("ramp", colours, N=_STEPS)


def _known(maps: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    parts = [each[np.isfinite(each)] for each in maps]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return min(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))
