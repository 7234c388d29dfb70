"""Tile sets and model cards as tables."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from geosemimtl.cli.console import facts, table
from geosemimtl.inference.inspection import SceneReport
from geosemimtl.tasks import Segmentation
from geosemimtl.tiling.tileset import TileSet
from geosemimtl.training.model_file import ModelCard


def tileset_tables(tileset: TileSet) -> Iterator[Table]:
    """Yield what a tile set holds, its bands, its classes and what it supervises."""
    yield facts(
        f"Tile set {tileset.name}",
        (
            ("tiles", f"{tileset.tiles} of {tileset.size_px} px ({tileset.dropped} dropped)"),
            ("overlap", f"{tileset.overlap_px} px"),
            ("GSD", f"{tileset.gsd_m:g} m"),
            (
                "pixels",
                f"{tileset.dtype}, {tileset.value_range[0]:g} to {tileset.value_range[1]:g}",
            ),
            ("scenes", ", ".join(source.name for source in tileset.sources)),
        ),
    )
    bands = zip(tileset.bands, tileset.statistics, strict=True)
    yield table(
        "Bands (0 to 1 by the value range)",
        ("band", "mean", "deviation"),
        [(name, f"{band.mean:.3f}", f"{band.std:.3f}") for name, band in bands],
    )
    labelled = tileset.labelled_pixels()
    yield table(
        "What it supervises",
        ("task", "pixels"),
        [(task, f"{count:,}" if count else "none") for task, count in labelled.items()],
    )
    if tileset.classes:
        total = max(sum(tileset.class_pixels), 1)
        counts = zip(tileset.classes.names, tileset.class_pixels, strict=True)
        yield table(
            "Classes",
            ("class", "pixels", "%"),
            [(name.replace("_", " "), f"{n:,}", f"{100 * n / total:.1f}") for name, n in counts],
        )
    if tileset.heights:
        heights = tileset.heights
        yield facts(
            "Heights",
            (
                ("range", f"{heights.minimum_m:.1f} to {heights.maximum_m:.1f} m"),
                ("mean", f"{heights.mean_m:.2f} m"),
            ),
        )


def scene_facts(report: SceneReport) -> Iterator[tuple[str, str]]:
    """Yield what a scene is, what would be done with it, and what stands in the way."""
    scene, layout = report.scene, report.layout
    (rows, cols), (new_rows, new_cols) = scene.grid.shape, report.grid.shape
    across, down = scene.grid.gsd_m
    yield "size", f"{cols} x {rows} px, {scene.dtype}"
    yield "CRS", scene.grid.crs.to_string()
    yield "GSD", f"{across:.4g} x {down:.4g} m"
    yield "bands", f"{', '.join(scene.bands)} (named by {scene.named_by})"
    yield "valid", f"{100 * report.valid_share:.1f} % (by {scene.mask})"
    yield "would be", f"{new_cols} x {new_rows} px of {report.grid.gsd_m[0]:.4g} m"
    yield "tiles", f"{len(layout)} of {layout.size_px} px, sharing {layout.overlap_px} px"
    yield from (("note", note) for note in report.notes)
    yield from (("problem", problem) for problem in report.problems)


def model_tables(card: ModelCard) -> Iterator[Table]:
    """Yield what a model is, what it predicts and what it learned from."""
    segmentation, height = card.network.segmentation.name, card.network.height.name
    yield facts(
        f"Model {card.name}",
        (
            ("network", f"{card.network.encoder} + {segmentation} (classes) + {height} (height)"),
            ("method", card.training.get("method", {}).get("name", "unknown")),
            ("bands", ", ".join(card.bands)),
            ("GSD", f"{card.gsd_m:g} m"),
            ("tiles", f"{card.tile_px} px, {card.overlap_px} px shared"),
            *(
                (task.name, ", ".join(task.classes.names))
                if isinstance(task, Segmentation)
                else (task.name, f"metres, scale {task.scale_m:g} m")
                for task in card.tasks
            ),
            ("versions", ", ".join(f"{name} {number}" for name, number in card.versions.items())),
        ),
    )
    yield table(
        "Learned from",
        ("domain", "scenes", "tiles", "labels used"),
        [(d.name, len(d.scenes), d.tiles, ", ".join(d.supervises) or "none") for d in card.domains],
    )
