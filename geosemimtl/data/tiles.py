"""A tile set as training data, and the batches that follow from (seed, iteration, domain)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from geosemimtl.classes import IGNORE
from geosemimtl.data.batch import Batch
from geosemimtl.errors import TileSetError
from geosemimtl.raster.values import unit_values
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.index import tile_names
from geosemimtl.tiling.tileset import TileSet, read_tileset


class Tile(NamedTuple):
    """One tile in its files' types; a task that is not used has no entry."""

    image: NDArray[Any]
    observed: NDArray[np.bool_]
    targets: Mapping[str, NDArray[Any]]


class DomainTiles:
    """The tiles of one split of a domain, by index.

    Args:
        folder: The tile set.
        tasks: Tasks to read targets of.
        supervises: Tasks whose labels are used; ``None`` uses all there are.
        cache_bytes: Decoded tiles are kept in memory up to this size.
        split: Of these tiles.

    Raises:
        TileSetError: The tile set is unusable, has no tile of the split, or has no labels for a
            task it should supervise.
    """

    def __init__(
        self,
        folder: Path,
        tasks: Sequence[str],
        supervises: Sequence[str] | None = None,
        cache_bytes: int = 2 << 30,
        split: str = "train",
    ) -> None:
        self.folder = folder
        self.tileset: TileSet = read_tileset(folder)
        self.tasks = tuple(tasks)
        for task in supervises or ():
            if task not in self.tileset.tasks:
                raise TileSetError(
                    f"{folder}: has no labels for {task}, which the configuration lets it "
                    f"supervise; it has: {', '.join(self.tileset.tasks) or 'none'}"
                )
        wanted = self.tileset.tasks if supervises is None else supervises
        self.supervises = tuple(task for task in self.tasks if task in wanted)
        self.names = tile_names(folder, split)
        self._cache: dict[int, Tile] = {}
        self._room = cache_bytes

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Tile:
        """Read a tile, from memory if it was read before."""
        if index in self._cache:
            return self._cache[index]
        tile = self._read(self.names[index])
        size = sum(array.nbytes for array in (tile.image, tile.observed, *tile.targets.values()))
        if size <= self._room:
            self._cache[index] = tile
            self._room -= size
        return tile

    def _read(self, name: str) -> Tile:
        layer = "image"
        try:
            with rasterio.open(self.folder / layer / name) as source:
                image, observed = source.read(), source.dataset_mask() > 0
            targets = {}
            for layer in self.supervises:
                with rasterio.open(self.folder / layer / name) as source:
                    targets[layer] = source.read(1)
        except rasterio.errors.RasterioError as error:
            raise TileSetError(
                f"{self.folder}: tile {layer}/{name} cannot be read; cut the tiles again"
            ) from error
        self._check(name, image, targets)
        return Tile(image, observed, targets)

    def _check(self, name: str, image: NDArray[Any], targets: Mapping[str, NDArray[Any]]) -> None:
        """Refuse a tile that is not what the manifest says."""
        size = (self.tileset.size_px, self.tileset.size_px)
        if image.shape != (len(self.tileset.bands), *size) or any(
            target.shape != size for target in targets.values()
        ):
            raise TileSetError(
                f"{self.folder}: tile {name} has not the {size[0]} px and "
                f"{len(self.tileset.bands)} bands of the tile set; cut the tiles again"
            )
        indices, classes = targets.get(SEGMENTATION), self.tileset.classes
        if indices is None or classes is None:
            return
        strange = indices[(indices >= len(classes)) & (indices != IGNORE)]
        if strange.size:
            raise TileSetError(
                f"{self.folder}: tile {name} has the class {strange[0]}, the tile set has only "
                f"{len(classes)}; cut the tiles again"
            )

    def batch(self, indices: Sequence[int], domain: int) -> Batch:
        """Stack tiles into a batch: images in [0, 1] by the tile set's value range, 0 where nodata.

        Values outside the range are clipped to it; pixels that are no number count as nodata.
        """
        tiles = [self[index] for index in indices]
        values = unit_values(np.stack([tile.image for tile in tiles]), self.tileset.value_range)
        image = torch.from_numpy(values)
        observed = torch.from_numpy(np.stack([tile.observed for tile in tiles]))
        observed &= image.isfinite().all(dim=1)
        image = torch.where(observed[:, None], image, 0)
        targets, valid = {}, {}
        for task in self.tasks:
            stack = [tile.targets.get(task) for tile in tiles]
            targets[task], known = _TARGETS[task](stack, observed)
            valid[task] = known & observed
        names = tuple(self.names[index] for index in indices)
        return Batch(domain, image, observed, targets, valid, names)


def _class_targets(stack: list[NDArray[Any] | None], observed: Tensor) -> tuple[Tensor, Tensor]:
    blank = np.full(observed.shape[1:], IGNORE, np.uint8)
    indices = torch.from_numpy(
        np.stack([blank if t is None else t for t in stack]).astype(np.int64)
    )
    return indices, indices != IGNORE


def _height_targets(stack: list[NDArray[Any] | None], observed: Tensor) -> tuple[Tensor, Tensor]:
    blank = np.full(observed.shape[1:], np.nan, np.float32)
    metres = torch.from_numpy(np.stack([blank if t is None else t for t in stack]))
    # below every height that can be above ground: nodata
    known = torch.isfinite(metres) & (metres > -1000)
    return torch.where(known, metres, 0), known


_TARGETS = {SEGMENTATION: _class_targets, HEIGHT: _height_targets}


class IterationBatches(Dataset[list[Batch]]):
    """One batch a domain for every iteration, as a function of (seed, iteration, domain).

    Each epoch draws as many tiles from every domain: each at most once where there are enough,
    else with repetition, or as ``chances`` say.

    Args:
        domains: The data of each domain.
        batch: Images a domain.
        iterations: Length of the training.
        seed: Of the order.
        start: First iteration, to continue a training.
        chances: By domain, each tile's share of what is drawn, or ``None``.
        epoch: Tiles of an epoch, the number that one domain has; ``None`` gives every domain epochs
            of its own, so that all its tiles are seen before any is seen again.
    """

    def __init__(
        self,
        domains: Sequence[DomainTiles],
        batch: int,
        iterations: int,
        seed: int,
        start: int = 0,
        chances: Sequence[NDArray[np.float64] | None] = (),
        epoch: int | None = None,
    ) -> None:
        self._domains = tuple(domains)
        self._batch = batch
        self._iterations = iterations
        self._seed = seed
        self._epoch = epoch
        self._start = start
        self._chances = tuple(chances) or (None,) * len(self._domains)

    def __len__(self) -> int:
        return self._iterations - self._start

    def __getitem__(self, item: int) -> list[Batch]:
        """Return the batches of iteration ``start + item``."""
        if not 0 <= item < len(self):
            raise IndexError(item)
        iteration = self._start + item
        return [
            domain.batch(self._drawn(iteration, k, len(domain)), k)
            for k, domain in enumerate(self._domains)
        ]

    def _drawn(self, iteration: int, domain: int, tiles: int) -> list[int]:
        """Return the tiles at this iteration's place in the endless sequence of epochs."""
        length = self._epoch or tiles
        places = [divmod(iteration * self._batch + i, length) for i in range(self._batch)]
        orders = {
            epoch: self._order(domain, epoch, tiles, length) for epoch in {e for e, _ in places}
        }
        return [int(orders[epoch][place]) for epoch, place in places]

    def _order(self, domain: int, epoch: int, tiles: int, length: int) -> NDArray[np.int64]:
        random = np.random.default_rng([self._seed, domain, epoch])
        chances = self._chances[domain]
        if chances is None and length <= tiles:
            return random.permutation(tiles)[:length]
        return random.choice(tiles, length, p=chances)


def iterations_of(epochs: int, tiles: int, batch: int) -> int:
    """Return how many iterations pass over a domain's tiles ``epochs`` times."""
    return epochs * -(-tiles // batch)
