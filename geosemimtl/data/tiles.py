"""A tile set as training data, and the batches that follow from (seed, iteration, domain)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from torch import Tensor
from torch.utils.data import Dataset

from geosemimtl.classes import IGNORE
from geosemimtl.data.batch import Batch
from geosemimtl.errors import SceneError, TileSetError
from geosemimtl.raster.scene import opened
from geosemimtl.raster.values import unit_values
from geosemimtl.tasks import Kind, form_of, kind_of
from geosemimtl.tiling.index import tile_names
from geosemimtl.tiling.tileset import TileSet, read_tileset

#: Components of unit vectors, but for rounding; nodata is far below.
_UNIT = 1 + 1e-3


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
            with opened(self.folder / layer / name) as source:
                image, observed = source.read(), source.dataset_mask() > 0
            targets = {}
            for layer in self.supervises:
                with opened(self.folder / layer / name) as source:
                    targets[layer] = source.read(1) if source.count == 1 else source.read()
        except (SceneError, RasterioError) as error:
            raise TileSetError(
                f"{self.folder}: tile {layer}/{name} cannot be read; cut the tiles again"
            ) from error
        self._check(name, image, targets)
        return Tile(image, observed, targets)

    def _check(self, name: str, image: NDArray[Any], targets: Mapping[str, NDArray[Any]]) -> None:
        """Refuse a tile that is not what the manifest says."""
        rows, cols = self.tileset.size_px
        if image.shape != (len(self.tileset.bands), rows, cols) or any(
            target.shape != _shape(task, rows, cols) for task, target in targets.items()
        ):
            raise TileSetError(
                f"{self.folder}: tile {name} has not the {rows} x {cols} px and "
                f"{len(self.tileset.bands)} bands of the tile set; cut the tiles again"
            )
        for task, labels in targets.items():
            if kind_of(task) not in (Kind.CLASSES, Kind.BINARY):
                continue
            classes = self.tileset.classes_of(task)
            count = 2 if classes is None else len(classes)
            strange = labels[(labels >= count) & (labels != IGNORE)]
            if strange.size:
                raise TileSetError(
                    f"{self.folder}: tile {name} has the class {strange[0]}, the tile set has only "
                    f"{count}; cut the tiles again"
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
            targets[task], known = _TARGETS[kind_of(task)](stack, observed)
            valid[task] = known & observed
        names = tuple(self.names[index] for index in indices)
        return Batch(domain, image, observed, targets, valid, names)


def _shape(task: str, rows: int, cols: int) -> tuple[int, ...]:
    channels = form_of(task).channels
    return (rows, cols) if channels == 1 else (channels, rows, cols)


def _class_targets(stack: list[NDArray[Any] | None], observed: Tensor) -> tuple[Tensor, Tensor]:
    blank = np.full(observed.shape[1:], IGNORE, np.uint8)
    indices = torch.from_numpy(
        np.stack([blank if t is None else t for t in stack]).astype(np.int64)
    )
    return indices, indices != IGNORE


def _number_targets(stack: list[NDArray[Any] | None], observed: Tensor) -> tuple[Tensor, Tensor]:
    blank = np.full(observed.shape[1:], np.nan, np.float32)
    numbers = torch.from_numpy(np.stack([blank if t is None else t for t in stack]))
    # below every height that can be above ground: nodata
    known = torch.isfinite(numbers) & (numbers > -1000)
    return torch.where(known, numbers, 0), known


def _vector_targets(stack: list[NDArray[Any] | None], observed: Tensor) -> tuple[Tensor, Tensor]:
    blank = np.full((3, *observed.shape[1:]), np.nan, np.float32)
    vectors = torch.from_numpy(np.stack([blank if t is None else t for t in stack]))
    known = (vectors.abs() <= _UNIT).all(dim=1)
    return torch.where(known[:, None], vectors, 0), known


_TARGETS = {
    Kind.CLASSES: _class_targets,
    Kind.BINARY: _class_targets,
    Kind.QUANTITY: _number_targets,
    Kind.DIRECTION: _vector_targets,
}


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
