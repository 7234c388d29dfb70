"""Which split each tile of a batch of scenes goes to."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence

from geosemimtl.errors import ConfigError
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.tiling.layers import Layers, source_reach_px
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.splits import (
    SPLITS,
    BlockSplit,
    block_count,
    overlapping,
    read_split_list,
    split_blocks,
    split_scenes,
)

_LOG = logging.getLogger(__name__)
#: Sides of a block in tiles, unless it is given: the first that makes enough blocks to draw from.
_BLOCK_TILES = (4, 3, 2)
_ENOUGH_BLOCKS = 9

#: Returns the split of the tile at a (row, column), or ``None`` if it lies astride two.
SplitOf = Callable[[int, int], str | None]
Layouts = Mapping[str, tuple[PixelGrid, TileLayout]]


def split_tiles(
    layers: Sequence[Layers], layouts: Layouts, options: TileOptions
) -> dict[str, SplitOf]:
    """Return for each scene what tells its tiles' splits.

    Raises:
        TileSetError: The list of scenes cannot be read or does not fit, or there are too few
            scenes or blocks.
        ConfigError: Blocks are smaller than a tile.
    """
    if options.split == "blocks":
        if options.resize is not None:
            raise ConfigError("--split blocks: parts ground, which images have not; by-scene does")
        blocks = _blocks(layers, layouts, options)
        return {name: _in_blocks(own, options.tile_px) for name, own in blocks.items()}
    return {name: _always(split) for name, split in _by_scene(layers, layouts, options).items()}


def _in_blocks(blocks: BlockSplit, size_px: tuple[int, int]) -> SplitOf:
    return lambda row, col: blocks.of(row, col, size_px)


def _always(split: str) -> SplitOf:
    return lambda _row, _col: split


def _by_scene(
    layers: Sequence[Layers], layouts: Layouts, options: TileOptions
) -> Mapping[str, str]:
    names = [each.name for each in layers]
    if options.split == "none":
        splits: Mapping[str, str] = {each.name: each.split or "train" for each in layers}
    elif options.split == "by-scene":
        areas = [float(math.prod(layouts[name][0].shape)) for name in names]
        splits = split_scenes(names, areas, _shares(options), options.seed)
    else:
        splits = read_split_list(options.split).assign(names)
    grids = {each.name: each.image.grid for each in layers if each.image.grid.crs is not None}
    for one, other, share in overlapping(grids, splits):
        _LOG.warning(
            "scenes %s (%s) and %s (%s) show the same ground: %.1f %% of the smaller one",
            *(one, splits[one], other, splits[other], 100 * share),
        )
    return splits


def _blocks(
    layers: Sequence[Layers], layouts: Layouts, options: TileOptions
) -> Mapping[str, BlockSplit]:
    margin_px = max(source_reach_px(each, layouts[each.name][0]) for each in layers)
    shapes = {name: grid.shape for name, (grid, _) in layouts.items()}
    block_px = _block_px(shapes.values(), margin_px, options)
    if options.block_m is not None:
        gsd_m = min(layouts[layers[0].name][0].gsd_m)
        block_px, least_px = round(options.block_m / gsd_m), options.size_px + 2 * margin_px
        if block_px < least_px:
            raise ConfigError(
                f"--block {options.block_m:g}: no tile of {options.size_px} px fits into a block "
                f"of {block_px} px; give at least {math.ceil(least_px * gsd_m)} metres"
            )
    return split_blocks(
        shapes, _shares(options), options.seed, block_px=block_px, margin_px=margin_px
    )


def _block_px(shapes: Collection[tuple[int, int]], margin_px: int, options: TileOptions) -> int:
    """Return the side of a block where none was given."""
    for tiles in _BLOCK_TILES:
        block_px = max(tiles * options.size_px, options.size_px + 2 * margin_px)
        counts = [[block_count(n, block_px, margin_px) for n in shape] for shape in shapes]
        if sum(map(math.prod, counts)) >= _ENOUGH_BLOCKS:
            break
    return block_px


def _shares(options: TileOptions) -> dict[str, float]:
    return dict(zip(SPLITS, options.split_shares, strict=True))
