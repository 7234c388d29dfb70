"""Files that are made of a scene's rasters as soon as these are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from geosemimtl.inference.choosing import Chosen
from geosemimtl.inference.journal import Journal
from geosemimtl.inference.outputs import Outputs
from geosemimtl.progress import Track


@dataclass(frozen=True, slots=True)
class Companion:
    """A file beside a scene's rasters; several are made in their order.

    Attributes:
        suffix: Of its name, behind the scene's.
        applies: Whether it can be made of such rasters.
        make: Writes it whole or not at all, given the scene, the path and what shows progress. It
            may write nothing where the scene gives nothing to write.
        look: Raises or warns of what it could not be made of, before anything is predicted.
    """

    suffix: str
    applies: Callable[[Outputs], bool]
    make: Callable[[Chosen, Path, Track], None]
    look: Callable[[Chosen], None] = lambda _: None

    def path(self, chosen: Chosen) -> Path:
        """Return where a scene's lies."""
        return chosen.beside(self.suffix)

    def is_there(self, chosen: Chosen) -> bool:
        """Return whether a scene's exists."""
        return self.path(chosen).exists()


def make_companions(
    chosen: Chosen, companions: Sequence[Companion], journal: Journal, track: Track
) -> None:
    """Make those that the journal does not know as made; older files of their names go.

    Raises:
        GeoSemiMTLError: One cannot be made.
    """
    for companion in companions:
        if journal.has_begun(companion.suffix) and companion.is_there(chosen):
            continue
        path = companion.path(chosen)
        path.unlink(missing_ok=True)  # first: from here on what has the name is this run's
        journal.begin(companion.suffix)
        companion.make(chosen, path, track)
