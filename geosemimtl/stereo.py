"""Depth, disparity and inverse depth, which are one another of a stereo camera.

    disparity (px) = focal length (px) * baseline (m) / depth (m) = f B * inverse depth (1 / m)

What is infinitely far, the sky, has disparity and inverse depth 0. Functions take arrays of numpy
and tensors of torch, on any device and with a graph, and return the like.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

#: An array or a tensor of real numbers.
Values = TypeVar("Values")


@dataclass(frozen=True, slots=True)
class Stereo:
    """Two equal cameras side by side.

    Attributes:
        focal_px: Focal length in pixels of the image.
        baseline_m: Distance of the cameras in metres.

    Raises:
        ValueError: One of them is not a finite number above 0.
    """

    focal_px: float
    baseline_m: float

    def __post_init__(self) -> None:
        for name, value in (("focal_px", self.focal_px), ("baseline_m", self.baseline_m)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} {value}: give a finite number above 0")

    @property
    def focal_baseline(self) -> float:
        """Product f B in px m: the disparity at a depth of one metre."""
        return self.focal_px * self.baseline_m

    def scaled(self, factor: float) -> Stereo:
        """Return the cameras of the resized image; its disparities are ``factor`` times as large.

        Args:
            factor: Pixels of the new image to one of the old, along a row.

        Raises:
            ValueError: It is not a finite number above 0.
        """
        return replace(self, focal_px=self.focal_px * factor)

    def disparity_px(self, depth_m: Values) -> Values:
        """Return the disparity in pixels of depths in metres: 0 at infinity, infinity at 0."""
        return _divided(self.focal_baseline, depth_m)

    def depth_m(self, disparity_px: Values) -> Values:
        """Return the depth in metres of disparities in pixels: infinity at 0."""
        return _divided(self.focal_baseline, disparity_px)

    def inverse_depth(self, disparity_px: Values) -> Values:
        """Return the inverse depth in 1 / m of disparities in pixels."""
        return _times(disparity_px, 1 / self.focal_baseline)

    def disparity_of_inverse(self, inverse_depth: Values) -> Values:
        """Return the disparity in pixels of inverse depths in 1 / m."""
        return _times(inverse_depth, self.focal_baseline)


def inverted(values: Values) -> Values:
    """Return the inverse depth of depths, or the depth of inverse depths; infinity of 0."""
    return _divided(1.0, values)


#: The cameras of Cityscapes at its own 2048 x 1024 px; f B is 473.6 px m.
CITYSCAPES = Stereo(focal_px=2262.52, baseline_m=0.209313)


def _divided(product: float, values: Values) -> Values:
    numbers: Any = values  # what arrays and tensors have in common is no type
    with np.errstate(divide="ignore"):  # the sky is no accident; torch does not mind
        quotient: Values = product / numbers
    return quotient


def _times(values: Values, factor: float) -> Values:
    numbers: Any = values
    product: Values = numbers * factor
    return product
