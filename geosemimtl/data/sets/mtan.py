"""What the data sets that MTAN prepared have in common: NumPy's arrays, by number."""

from __future__ import annotations

from geosemimtl.data.sets.benchmark import Key, Kind

REQUEST = "https://github.com/lorenmt/mtan"
BANDS = ("red", "green", "blue")


def arrays(name: str, folder: str, source: str) -> Kind:
    """Return a kind of file in both splits."""
    return Kind(name, rf"(?:.*/)?(train|val)/{folder}/(\d+)\.npy", source)


def split_of(key: Key) -> str:
    """Return the split, which is the first part of a key."""
    return key[0]
