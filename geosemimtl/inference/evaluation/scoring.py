"""What is scored, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from geosemimtl.classes import Classes
from geosemimtl.errors import ConfigError
from geosemimtl.inference.evaluation.views import ClassView, HeightView
from geosemimtl.metrics.calibration import CalibrationCounts
from geosemimtl.metrics.confusion import ConfusionCounts
from geosemimtl.metrics.grouped import HeightGroups
from geosemimtl.metrics.height_pairs import PairCounts
from geosemimtl.metrics.regression import HeightCounts

#: Ratios of heights count pixels higher than this: near the ground they say nothing.
RATIO_EPS_M = 0.5
#: The class that ISPRS's tables of five classes leave out.
CLUTTER = "clutter"


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """What is scored beside the whole.

    Attributes:
        erode_px: Score again without the pixels that have another true class within so many
            pixels of the grid on which is counted: the predicted rasters' own.
        height_bins_m: Where ranges of true heights end and begin.
        without: Names of classes that a second mean leaves out; by default ``clutter``, where
            there is such a class.
        report: Whether to keep what a report draws, too: maps of the first scenes, pixels by
            confidence where that is known, and by true and predicted height.
    """

    erode_px: int | None = None
    height_bins_m: tuple[float, ...] = (1.0, 3.0, 10.0, 20.0)
    without: tuple[str, ...] | None = None
    report: bool = False

    def __post_init__(self) -> None:
        if self.erode_px is not None and self.erode_px < 1:
            raise ConfigError(f"--erode {self.erode_px}: give at least 1 pixel, or leave it out")
        edges = self.height_bins_m
        rising = all(low < high for low, high in pairwise(edges))
        if not edges or not rising or not all(map(math.isfinite, edges)):
            shown = ",".join(f"{edge:g}" for edge in edges)
            raise ConfigError(f"--height-bins {shown}: write rising metres, such as 1,3,10,20")

    def left_out(self, classes: Classes) -> tuple[str, ...]:
        """Return the names of the classes that a second mean leaves out.

        Raises:
            ConfigError: There is no such class, or no other would be left.
        """
        if self.without is None:
            return (CLUTTER,) if CLUTTER in classes.names else ()
        for name in self.without:
            if name not in classes.names:
                raise ConfigError(f"--without {name}: the classes are {', '.join(classes.names)}")
        if set(self.without) == set(classes.names):
            raise ConfigError(f"--without {','.join(self.without)}: leaves no class; name fewer")
        return self.without


@dataclass(frozen=True, slots=True)
class ErodedCounts:
    """What was counted away from the boundaries between true classes.

    Attributes:
        radius_px: How far away at least.
        counts: What was counted.
    """

    radius_px: int
    counts: ConfusionCounts


@dataclass(frozen=True, slots=True)
class SegmentationResult:
    """Of the classes, beside what always naming the most common true class scores.

    Attributes:
        classes: The predicted classes.
        counts: What was counted.
        most_common: What would be counted had each pixel been given the most common true class.
        without: Names of classes that a second mean leaves out.
        eroded: What was counted away from boundaries, where that was asked for.
        calibration: Pixels by confidence, where that was asked for and is known of each scene.
        views: Maps of the first scenes, where they were asked for.
    """

    classes: Classes
    counts: ConfusionCounts
    most_common: ConfusionCounts
    without: tuple[str, ...] = ()
    eroded: ErodedCounts | None = None
    calibration: CalibrationCounts | None = None
    views: tuple[ClassView, ...] = ()

    @property
    def left_out(self) -> list[int]:
        """Indices of the classes that a second mean leaves out."""
        return [self.classes.names.index(name) for name in self.without]


@dataclass(frozen=True, slots=True)
class HeightResult:
    """Of the heights in metres, beside two constants: the truth's mean, and the ground.

    Attributes:
        counts: What was counted; ratios where the truth is above ``RATIO_EPS_M``.
        mean: What would be counted had each pixel been given the mean of the truth.
        zero: The same for 0 m.
        positive: As ``counts``, with ratios where the truth is above 0.
        edges_m: Where the ranges of true heights end and begin.
        bins: As ``counts``, by range: below the first edge, ..., from the last one up.
        by_class: As ``counts``, by the name of the true class, where true classes were given.
        pairs: Pixels by true and predicted height, where that was asked for.
        views: Maps of the first scenes, likewise.
    """

    counts: HeightCounts
    mean: HeightCounts
    zero: HeightCounts
    positive: HeightCounts
    edges_m: tuple[float, ...]
    bins: HeightGroups
    by_class: Mapping[str, HeightCounts] = field(default_factory=dict)
    pairs: PairCounts | None = None
    views: tuple[HeightView, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of one scene or of several added up; a task without truth is ``None``.

    Attributes:
        segmentation: Of the classes.
        height: Of the heights.
        per_tile: Whether each tile was scored on its own, as the network left it, so that pixels
            of overlaps count once a tile; else whole rasters were, and each pixel counts once.
    """

    segmentation: SegmentationResult | None
    height: HeightResult | None
    per_tile: bool = False
