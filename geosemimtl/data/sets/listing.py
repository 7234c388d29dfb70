"""What lies below a folder, zips included, without opening anything but the zips."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from geosemimtl.errors import TileSetError
from geosemimtl.files import inside, on_disk


@dataclass(frozen=True, slots=True)
class Listing:
    """The files below a folder.

    Attributes:
        root: The folder.
        paths: By their path below it in lower case, with slashes; a zip counts as a folder, and
            files come before those in zips.
        damaged: What is wrong with zips that cannot be read.
        nested: Which zips hold zips themselves, that nobody looks into.
    """

    root: Path
    paths: dict[str, Path]
    damaged: tuple[str, ...]
    nested: tuple[str, ...]


def list_files(root: Path) -> Listing:
    """List all files below a folder; names that begin with a dot are passed over.

    Raises:
        TileSetError: There is no such folder.
    """
    if not root.is_dir():
        raise TileSetError(f"{root}: is no folder; name the one that holds the data set")
    paths: dict[str, Path] = {}
    zips: dict[str, Path] = {}
    damaged, nested = [], []
    for below, path in _walk(root):
        (zips if below.endswith(".zip") else paths).setdefault(below, path)
    for below, archive in zips.items():
        try:
            members = dict(_members(archive))
        except (OSError, zipfile.BadZipFile) as error:
            damaged.append(f"{archive}: is damaged or incomplete ({error}); copy it again")
            continue
        for member, path in members.items():
            paths.setdefault(f"{below}/{member}", path)
        if any(member.endswith(".zip") for member in members):
            nested.append(f"{archive}: holds zips itself; unpack it, not those")
    return Listing(root, paths, tuple(damaged), tuple(nested))


def read_text(path: Path) -> str:
    """Read a small text file, in a zip or not.

    Raises:
        OSError: It is gone.
        zipfile.BadZipFile: Its zip is damaged.
        ValueError: It is no text.
    """
    file, member = on_disk(path)
    if not member:
        return file.read_text(encoding="utf-8")
    with zipfile.ZipFile(file) as archive:
        return archive.read(member).decode("utf-8")


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    start = len(os.path.join(root, ""))  # noqa: PTH118  (of 70,000 files, pathlib alone takes half)
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = folder[start:].replace(os.sep, "/").lower()
        parent = Path(folder)
        for name in sorted(names):
            if not name.startswith("."):
                yield f"{below}/{name.lower()}" if below else name.lower(), parent / name


def _members(archive: Path) -> Iterator[tuple[str, Path]]:
    with zipfile.ZipFile(archive) as opened:
        for name in sorted(opened.namelist()):
            hidden = any(part.startswith(".") for part in name.removeprefix("./").split("/"))
            if not (name.endswith("/") or hidden):
                yield name.lower(), inside(archive, name)
