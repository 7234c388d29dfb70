"""What deserves a look in a scene, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from geosemimtl.inference.likeness import Likeness
from geosemimtl.inference.sampling import Sample
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.registration import Shift
from geosemimtl.raster.scene import Scene
from geosemimtl.tiling.options import TileOptions

#: Shifts up to half a pixel say nothing: the method is no better (raster/registration.py).
_NOTED_PX = 0.5
#: Share of the frame that is solid black or white from which a border is suspected.
_BORDER_SHARE = 0.02
#: Mean distance to the nearest training domain, of the value range, from which values differ.
_UNLIKE = 0.2
#: Another order of the bands is named where its distance is below this share of the order's own,
#: and the own is above what scenes of one sensor differ by.
_BETTER_ORDER = 0.5
_SAME_SENSOR = 0.025
#: Pixels that differ by less than this share are square, and axes that lean by less straight.
_SQUARE = 1e-4


def scene_remarks(scene: Scene, sample: Sample, options: TileOptions) -> list[str]:
    """Remark on bands, missing pixels and the CRS of a scene."""
    notes = []
    if scene.named_by == "colour":
        notes.append("bands are named by the file's colours; pass --bands if it is false colour")
    if scene.named_by == "nobody":
        notes.append("bands have no names; pass --bands, such as --bands nir,red,green")
    if scene.mask == "alpha":
        notes.append(f"band {scene.alpha} is taken for the mask; if it is image, pass --alpha none")
    if scene.mask == "none":
        notes.append("nothing marks missing pixels: borders without image count as image")
    for name, share in (("black", sample.black_share), ("white", sample.white_share)):
        if share >= _BORDER_SHARE:
            notes.append(
                f"{100 * share:.0f} % of its rim is solid {name}: a border without image that "
                "nothing marks? Mark it: gdal_edit.py -a_nodata VALUE, or nearblack -setmask"
            )
    crs = scene.grid.crs
    if crs is not None and crs.is_geographic:
        notes.append("the CRS is in degrees: metres hold at the scene's centre")
    if options.assume_crs is not None and crs is not None and crs.to_string() != options.assume_crs:
        notes.append(
            f"--assume-crs {options.assume_crs} is not used: the file names its own, "
            f"{crs.to_string()}"
        )
    return notes


def is_rotated(grid: PixelGrid) -> bool:
    """Return whether the grid's rows or columns lean against the axes of its CRS."""
    a, b, _, d, e, _ = tuple(grid.transform)[:6]
    return bool(abs(b) > _SQUARE * abs(e) or abs(d) > _SQUARE * abs(a))


def is_square(grid: PixelGrid) -> bool:
    """Return whether pixels are as high as wide on the ground."""
    across, down = grid.pixel_size
    return abs(across / down - 1) <= _SQUARE


def likeness_remarks(likeness: Likeness | None, bands: Sequence[str]) -> list[str]:
    """Remark on values that a model did not learn from, and on bands in another order."""
    if likeness is None or likeness.distance < _SAME_SENSOR:
        return []
    if likeness.order_distance < _BETTER_ORDER * likeness.distance:
        return [
            (
                f"the bands may be in another order: what should be {', '.join(bands)} looks more "
                f"like {', '.join(likeness.order)}; name them in file order with --bands"
            )
        ]
    if likeness.distance > _UNLIKE:
        return [
            (
                f"values differ by {100 * likeness.distance:.0f} % of the range from the nearest "
                f"training data ({likeness.domain}): check --value-range and --bands"
            )
        ]
    return []


def shift_remarks(shifts: Mapping[str, Shift | None], grid: PixelGrid) -> list[str]:
    """Remark on layers that lie more than half a pixel from the image."""
    return [
        f"{layer} lie {describe_shift(shift, grid)} of the image; nothing corrects that: move "
        "them, if it is not leaning roofs that you see"
        for layer, shift in shifts.items()
        if shift is not None and shift.length_px > _NOTED_PX
    ]


def describe_shift(shift: Shift, grid: PixelGrid) -> str:
    """Return a shift in words, such as ``1.4 px (0.13 m) east and 0.8 px (0.07 m) south``.

    Args:
        shift: In the pixels of the grid.
        grid: Where its rows do not run from west to east, words say right and down.
    """
    a, _, _, _, e, _ = tuple(grid.transform)[:6]
    if is_rotated(grid):
        across, down = ("to the right", "to the left"), ("further down", "further up")
    else:
        across = ("east", "west") if a > 0 else ("west", "east")
        down = ("south", "north") if e < 0 else ("north", "south")
    parts = zip((shift.cols_px, shift.rows_px), grid.gsd_m, (across, down), strict=True)
    return " and ".join(
        f"{abs(length):.1f} px ({abs(length) * gsd:.2f} m) {words[length < 0]}"
        for length, gsd, words in parts
    )
