"""How like a scene's values are to those that a model learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geosemimtl.raster.values import unit_values
from geosemimtl.tiling.tileset import IMAGE_BINS

if TYPE_CHECKING:  # loads torch
    from geosemimtl.training.model_file import DomainCard

#: More bands have too many orders to try.
_MOST_BANDS = 6


@dataclass(frozen=True, slots=True)
class Likeness:
    """How a scene's values compare with a model's training data.

    Attributes:
        domain: The training domain whose values are the most alike.
        distance: Mean over the bands of the earth mover's distance between the histograms, as a
            share of the value range: how far values have to move on average. 0 is the same.
        order: The wanted bands in the order in which the scene's fit best.
        order_distance: The distance in that order.
    """

    domain: str
    distance: float
    order: tuple[str, ...]
    order_distance: float


def compare(
    values: NDArray[Any],
    value_range: tuple[float, float],
    bands: Sequence[str],
    domains: Sequence[DomainCard],
) -> Likeness | None:
    """Compare a sample of a scene with the domains that a model learned from.

    Args:
        values: (bands, pixels), the bands as the model wants them.
        value_range: The values that map to 0 and 1.
        bands: Names of the bands.
        domains: The model's.

    Returns:
        What it is most like, or ``None`` without pixels or domains.
    """
    known = [domain for domain in domains if len(domain.statistics) == len(bands)]
    if not known or not values.shape[1]:
        return None
    ours = _cumulated([_histogram(band) for band in unit_values(values, value_range)])
    theirs = np.stack(
        [_cumulated([band.histogram for band in domain.statistics]) for domain in known]
    )
    # (domains, their bands, our bands)
    table = np.abs(theirs[:, :, None] - ours[None, None]).mean(axis=-1)
    places = np.arange(len(bands))
    straight = table[:, places, places].mean(axis=1)
    nearest = int(straight.argmin())
    orders = list(permutations(places)) if len(bands) <= _MOST_BANDS else [tuple(places)]
    found = [float(table[:, places, list(order)].mean(axis=1).min()) for order in orders]
    best = int(np.argmin(found))
    # what the file calls the first band, say, looks like the model's third
    looks = tuple(bands[orders[best].index(place)] for place in places)
    return Likeness(known[nearest].name, float(straight[nearest]), looks, found[best])


def _histogram(unit: NDArray[np.float32]) -> NDArray[np.int64]:
    places = np.minimum(unit * IMAGE_BINS, IMAGE_BINS - 1).astype(np.int64)
    return np.bincount(places, minlength=IMAGE_BINS)


def _cumulated(histograms: Sequence[Any]) -> NDArray[np.float64]:
    counts = np.asarray(histograms, np.float64)
    sums: NDArray[np.float64] = np.cumsum(counts, axis=-1)
    return sums / np.maximum(sums[..., -1:], 1)
