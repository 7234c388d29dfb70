"""What a model card says, in words: for the terminal and for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosemimtl.tasks import Segmentation

if TYPE_CHECKING:  # loads torch, which info of tile sets needs for nothing
    from geosemimtl.training.model_file import ModelCard

#: Columns of ``domain_rows``.
DOMAIN_HEAD = ("domain", "scenes", "tiles", "labels used")


def model_facts(card: ModelCard) -> tuple[tuple[str, str], ...]:
    """Return what a model is and what it predicts, as names and what they are."""
    segmentation, height = card.network.segmentation.name, card.network.height.name
    return (
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
    )


def domain_rows(card: ModelCard) -> list[tuple[str, str, str, str]]:
    """Return for each domain that a model learned from what it had."""
    return [
        (d.name, str(len(d.scenes)), str(d.tiles), ", ".join(d.supervises) or "none")
        for d in card.domains
    ]
