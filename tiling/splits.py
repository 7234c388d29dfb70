"""Which scene, or which part of a scene, goes to which split."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import yaml
from rasterio.warp import transform
from shapely import Polygon, STRtree

from geosemimtl.errors import ConfigError, TileSetError
from geosemimtl.raster.grid import PixelGrid, outline, same_crs
from geosemimtl.tiling.scene_lists import read_rows

_LOG = logging.getLogger(__name__)
SPLITS = ("train", "val", "test")
#: Ways to part tiles that are no list of scenes.
DRAWN = ("none", "by-scene", "blocks")
#: Benchmarks whose own lists are known by name.
BUILT_IN = ("potsdam", "vaihingen")
#: So many draws are tried, fewer of many items, and the one nearest to the shares is taken.
_DRAWS, _MOST_ITEMS = 64, 4096
#: Neighbours share their edge, and by rounding a little more.
_LEAST_SHARE = 1e-5


@dataclass(frozen=True, slots=True)
class SplitList:
    """Which scenes go to which split, by patterns such as ``area1*``; capitals do not matter.

    Attributes:
        source: The file or the benchmark's name, for messages.
        patterns: Of scene names, by split.
        is_built_in: Whether it may well name more scenes than there are.
    """

    source: str
    patterns: Mapping[str, tuple[str, ...]]
    is_built_in: bool = False

    def assign(self, names: Sequence[str]) -> dict[str, str]:
        """Return each scene's split.

        Raises:
            TileSetError: A scene is in no split, or in two.
        """
        splits = {}
        for name in names:
            found = [s for s, patterns in self.patterns.items() if _fits(name, patterns)]
            if len(found) != 1:
                where = f"in {' and '.join(found)}" if found else "in no split"
                raise TileSetError(f"{self.source}: scene {name} is {where}; list it in one")
            splits[name] = found[0]
        idle = [p for each in self.patterns.values() for p in each if not _any_fits(names, p)]
        if idle and not self.is_built_in:
            _LOG.warning("%s: no scene is called %s", self.source, ", ".join(idle))
        return splits


def read_split_list(source: Path | str) -> SplitList:
    """Read a list of scenes by split.

    Args:
        source: A YAML file with patterns under ``train``, ``val`` and ``test``; a CSV with the
            columns ``scene`` (a pattern) and ``split``; or a benchmark: ``potsdam``,
            ``vaihingen``.

    Raises:
        TileSetError: It cannot be read, or names something else than splits.
    """
    if str(source).lower() in BUILT_IN:
        name = str(source).lower()
        file = resources.files("geosemimtl.configs") / "splits" / f"{name}.yaml"
        return SplitList(
            name, _patterns(yaml.safe_load(file.read_text("utf-8")), name), is_built_in=True
        )
    path = Path(source)
    if path.suffix.lower() == ".csv":
        return SplitList(str(path), _patterns(_by_split(path), str(path)))
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TileSetError(
            f"{path}: cannot be read ({error.strerror}); name a YAML or CSV file, or one of "
            f"{', '.join(BUILT_IN)}"
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise TileSetError(f"{path}: is not YAML ({problem}); mend the file") from error
    return SplitList(str(path), _patterns(document, str(path)))


def _by_split(path: Path) -> dict[str, list[str]]:
    rows = read_rows(path)
    if not {"scene", "split"} <= rows[0].keys():
        raise TileSetError(
            f"{path}: has the columns {', '.join(rows[0])}; it needs scene and split"
        )
    splits = dict.fromkeys(row["split"] for row in rows)
    return {split: [row["scene"] for row in rows if row["split"] == split] for split in splits}


def _patterns(document: object, source: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(document, dict) or not document or not set(document) <= set(SPLITS):
        raise TileSetError(
            f"{source}: is no list of splits; write train:, val: and test: with a list of scene "
            "names under each"
        )
    patterns = {}
    for split, names in document.items():
        if not isinstance(names, list) or not all(isinstance(n, str | int) for n in names):
            raise TileSetError(f"{source}: {split} is no list of names; write each after a dash")
        patterns[split] = tuple(str(name) for name in names)
    return patterns


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def _any_fits(names: Sequence[str], pattern: str) -> bool:
    return any(_fits(name, [pattern]) for name in names)


def split_scenes(
    names: Sequence[str], areas: Sequence[float], shares: Mapping[str, float], seed: int
) -> dict[str, str]:
    """Draw a split for each scene, so that the splits' areas come close to their shares.

    The draw depends on the names and the seed, not on the order of the scenes.

    Args:
        names: Scenes.
        areas: Of each, in any one unit.
        shares: By split; they add up to 1. A split with a share gets at least one scene.
        seed: Another one gives another draw.

    Raises:
        ConfigError: The shares are none.
        TileSetError: There are too few scenes.
    """
    wanted = _checked_shares(shares)
    if len(names) < len(wanted):
        raise TileSetError(
            f"{len(names)} scene(s) cannot fill the splits {', '.join(wanted)}: name at least "
            f"{len(wanted)} scenes, or split by blocks"
        )
    return _drawn(dict(zip(names, areas, strict=True)), wanted, seed)


def _checked_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """Return the shares above 0, in the order of the splits."""
    given = ", ".join(f"{split} {share:g}" for split, share in shares.items())
    if unknown := set(shares) - set(SPLITS):
        raise ConfigError(f"no split is called {min(unknown)}; choose of {', '.join(SPLITS)}")
    adds_up = math.isclose(sum(shares.values()), 1, abs_tol=1e-6)
    if not adds_up or min(shares.values()) < 0:
        raise ConfigError(f"shares of {given} do not add up to 1; change them")
    return {split: shares[split] for split in SPLITS if shares.get(split, 0) > 0}


def _drawn(areas: Mapping[str, float], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Return the best of several draws; there are at least as many items as shares."""
    total = math.fsum(areas.values())  # the same in any order
    least, best = math.inf, dict[str, str]()
    for draw in range(max(1, min(_DRAWS, _MOST_ITEMS // len(areas)))):
        # by hash, not by a generator: the same in every version, and in every order
        order = sorted(areas, key=lambda name: _hash(f"{seed}/{draw}/{name}"))
        missing = {split: share * total for split, share in shares.items()}
        splits: dict[str, str] = {}
        for left, name in zip(range(len(order), 0, -1), order, strict=True):
            empty = [split for split in shares if split not in splits.values()] if left <= 3 else []
            choice = empty if left == len(empty) else missing
            splits[name] = max(choice, key=missing.__getitem__)
            missing[splits[name]] -= areas[name]
        error = sum(abs(area) for area in missing.values())
        if error < least * (1 - 1e-9):  # no later draw for a difference in rounding
            least, best = error, splits
    return best


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True, slots=True)
class BlockSplit:
    """The splits of one scene's blocks; made by ``split_blocks``.

    Attributes:
        shape: (rows, columns) of the scene's model grid.
        block_px: Side of a block; the last of a row or column also takes what is left.
        margin_px: So far beyond its window a tile draws on source pixels.
        splits: Of each block, by rows.
    """

    shape: tuple[int, int]
    block_px: int
    margin_px: int
    splits: tuple[tuple[str, ...], ...]

    def of(self, row: int, col: int, size_px: tuple[int, int]) -> str | None:
        """Return a tile's split, or ``None`` if it lies astride two.

        Tiles of different splits share no source pixel: a tile counts with its margin, and all
        of it must lie in blocks of one split. What is beyond the scene does not count.
        """
        rows = self._blocks(row, size_px[0], self.shape[0])
        cols = self._blocks(col, size_px[1], self.shape[1])
        found = {self.splits[i][j] for i in rows for j in cols}
        return found.pop() if len(found) == 1 else None

    def _blocks(self, start: int, size_px: int, length: int) -> range:
        """Return the blocks that a tile with its margin meets along one axis."""
        first = max(start - self.margin_px, 0)
        last = min(start + size_px + self.margin_px, length) - 1
        most = block_count(length, self.block_px, self.margin_px) - 1
        # lines lie a margin before the multiples of a block: a tile that begins there loses none
        meets = [(px + self.margin_px) // self.block_px for px in (first, last)]
        return range(min(meets[0], most), min(meets[1], most) + 1)


def block_count(length: int, block_px: int, margin_px: int) -> int:
    """Return how many blocks an axis has; none is shorter than a block less the margin."""
    return max(1, (length + margin_px) // block_px)


def split_blocks(
    shapes: Mapping[str, tuple[int, int]],
    shares: Mapping[str, float],
    seed: int,
    *,
    block_px: int,
    margin_px: int = 0,
) -> dict[str, BlockSplit]:
    """Draw a split for each block of all scenes, so that the splits' areas come close to shares.

    Args:
        shapes: (rows, columns) of each scene's model grid, all of one GSD.
        shares: By split; they add up to 1. A split with a share gets at least one block.
        seed: Another one gives another draw.
        block_px: Side of a block in pixels of the model grid; above a tile and two margins, or
            hardly any tile lies in one block.
        margin_px: So far beyond its window a tile draws on source pixels, in pixels of the model
            grid, rounded up; 0 on the scene's own grid.

    Raises:
        ConfigError: The shares are none, or no tile fits into a block.
        TileSetError: There are too few blocks.
    """
    wanted = _checked_shares(shares)
    if not 0 <= 2 * margin_px < block_px:
        raise ConfigError(
            f"blocks of {block_px} px leave no room for tiles, which draw on {margin_px} px around "
            "them: choose larger blocks"
        )
    areas: dict[str, float] = {}
    for name, shape in shapes.items():
        heights, widths = (_lengths(length, block_px, margin_px) for length in shape)
        areas |= {
            f"{name}/{i}/{j}": float(height * width)
            for i, height in enumerate(heights)
            for j, width in enumerate(widths)
        }
    if len(areas) < len(wanted):
        raise TileSetError(
            f"{len(areas)} block(s) of {block_px} px cannot fill the splits {', '.join(wanted)}: "
            "choose smaller blocks, or name more scenes"
        )
    drawn = _drawn(areas, wanted, seed)
    return {
        name: BlockSplit(
            shape,
            block_px,
            margin_px,
            tuple(
                tuple(
                    drawn[f"{name}/{i}/{j}"]
                    for j in range(block_count(shape[1], block_px, margin_px))
                )
                for i in range(block_count(shape[0], block_px, margin_px))
            ),
        )
        for name, shape in shapes.items()
    }


def _lengths(length: int, block_px: int, margin_px: int) -> list[int]:
    count = block_count(length, block_px, margin_px)
    lines = [0, *(k * block_px - margin_px for k in range(1, count)), length]
    return [stop - start for start, stop in pairwise(lines)]


class Overlap(NamedTuple):
    """Two scenes of different splits that show the same ground.

    Attributes:
        one: A scene.
        other: Another, of another split.
        share: Of the smaller one's area.
    """

    one: str
    other: str
    share: float


def overlapping(grids: Mapping[str, PixelGrid], splits: Mapping[str, str]) -> tuple[Overlap, ...]:
    """Return the pairs of scenes of different splits that overlap on the ground, the worst first.

    Args:
        grids: By scene, in any CRS.
        splits: By scene.
    """
    if not grids:
        return ()
    names = sorted(grids)
    base = grids[names[0]]
    footprints = [_footprint(grids[name], base) for name in names]
    pairs = STRtree(footprints).query(footprints, predicate="intersects").T.tolist()
    found = []
    for i, j in pairs:
        if i >= j or splits[names[i]] == splits[names[j]]:
            continue
        area = min(footprints[i].area, footprints[j].area)
        share = footprints[i].intersection(footprints[j]).area / area
        if share > _LEAST_SHARE:
            found.append(Overlap(names[i], names[j], share))
    return tuple(sorted(found, key=lambda overlap: (-overlap.share, overlap[:2])))


def _footprint(grid: PixelGrid, base: PixelGrid) -> Polygon:
    if same_crs(grid.crs, base.crs):
        return Polygon(grid.corners)
    xs, ys = zip(*outline(grid), strict=True)
    return Polygon(list(zip(*transform(grid.crs, base.crs, xs, ys), strict=True)))
