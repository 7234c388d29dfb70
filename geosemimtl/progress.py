"""How long work reports itself: the library calls a tracker, the command line draws the bar."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Pixels(float):
    """An item of work that stands for so many pixels: who shows it can show their speed."""


class Noted(int):
    """An item of work that says in ``note`` what came of it: who shows it can show that, too."""

    note: str = ""


class Track(Protocol):
    """Wraps an iterable of known length and shows how far it is."""

    def __call__(self, items: Iterable[T], label: str, total: int) -> Iterable[T]:
        """Return the same items; ``label`` says what is done with them."""
        ...


def silent(items: Iterable[T], label: str, total: int) -> Iterable[T]:  # noqa: ARG001  (the tracker that shows nothing)
    """Return the items and show nothing."""
    return items
