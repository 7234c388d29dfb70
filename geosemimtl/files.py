"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from geosemimtl.errors import GeoSemiMTLError, MachineError, OutputError, SceneError

#: In a folder being written: what it was asked to hold.
_REQUEST = ".request"
#: How GDAL's names of files inside of zips begin; the braces keep apart zip and name.
_ZIPPED = "/vsizip/{"
#: What to do where something cannot be written.
REMEDY = "free some space, or choose another folder with -o"


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        OutputError: It cannot be written, or the disk is full.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, *parts: bytes | bytearray | memoryview) -> None:
    """Write a file whole or not at all, its parts one after the other.

    Raises:
        OutputError: It cannot be written, or the disk is full.
    """
    with whole_file(path) as file:
        for data in parts:
            write_all(file, data)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Write a file piece by piece, whole or not at all: it takes its name at the end.

    Yields:
        An unbuffered file; write to it by ``write_all``.

    Raises:
        OutputError: It cannot be written, or the disk is full.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb", buffering=0) as file:
            yield file
        part.replace(path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if not isinstance(error, OSError):
            raise
        raise OutputError(f"{path}: cannot be written ({error.strerror}); {REMEDY}") from error


def write_all(file: IO[bytes], data: bytes | bytearray | memoryview) -> None:
    """Write all of some data to an unbuffered file, which may take it piece by piece."""
    left = memoryview(data).cast("B")
    while left:
        left = left[file.write(left) :]


def inside(archive: Path, member: str) -> Path:
    """Return the path by which GDAL reads a file inside of a zip."""
    return Path(f"{_ZIPPED}{archive}}}/{member}")


def on_disk(path: Path) -> tuple[Path, str]:
    """Return the file on disk in which a file lies: itself, or the zip and its name in there.

    Args:
        path: A file, or what ``inside`` returned.
    """
    text = str(path)
    if not text.startswith(_ZIPPED):
        return path, ""
    archive, _, member = text.removeprefix(_ZIPPED).partition("}/")
    return Path(archive), member


def stamp(path: Path) -> tuple[str, int, int]:
    """Return by what a file is known again: where it is, its size, and when it was changed.

    Raises:
        SceneError: It is gone.
    """
    file, member = on_disk(path)
    try:
        stat = file.stat()
    except OSError as error:
        raise SceneError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    return str(file.resolve() / member), stat.st_size, stat.st_mtime_ns


def require_separate(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Refuse to write a file that is read, or two into one.

    Raises:
        OutputError: An output is an input or another output.
    """
    paths = [path.resolve() for path in (*outputs, *inputs)]
    for index, path in enumerate(paths[: len(outputs)]):
        if path in paths[:index] + paths[index + 1 :]:
            raise OutputError(f"{path}: is read or written twice; choose another with -o")


def require_absent(paths: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse to replace existing outputs unless told to.

    Raises:
        OutputError: One of the paths exists, or its folder cannot be made.
    """
    for path in paths:
        if path.exists() and not overwrite:
            raise OutputError(f"{path}: exists already; pass --overwrite to replace it")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{path.parent}: cannot be made ({error.strerror}); choose another with -o"
            ) from error
        if not os.access(path.parent, os.W_OK):
            raise OutputError(f"{path.parent}: cannot be written to; choose another with -o")


def require_replaceable(folder: Path, marker: str, *, overwrite: bool) -> None:
    """Refuse an output folder that holds something, unless told to replace one of its own kind.

    Args:
        folder: The folder; an empty one is as good as none.
        marker: The file by which the program knows a folder that it made itself.
        overwrite: Whether such a folder may be replaced; any other never is.

    Raises:
        OutputError: It exists and may not be replaced, or its parent cannot be made.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        if not (folder / marker).is_file():
            raise OutputError(
                f"{folder}: exists already and holds no {marker}, so it is never replaced; "
                "choose another with -o"
            )
        require_absent([folder], overwrite=overwrite)
    require_absent([folder], overwrite=True)  # makes its parent


@contextmanager
def no_empty_folder(folder: Path) -> Iterator[None]:
    """Remove a folder that was made within and is still empty, where what was to fill it fails."""
    existed = folder.exists()
    try:
        yield
    except BaseException:
        if not existed:
            with suppress(OSError):  # it is not empty, or was never made
                folder.rmdir()
        raise


@contextmanager
def work_folder(target: Path, request: str = "", *, keep: bool = False) -> Iterator[Path]:
    """Keep a hidden folder beside what is being made, for one run at a time.

    It stays at the end, and after a kill, an interruption or a full disk, so that the same request
    can go on; after any other error it goes, unless it is to be kept.

    Args:
        target: What is being made.
        request: What that is to be, in any words; empty to always begin afresh.
        keep: Whether it stays after every error: what is in it took long.

    Yields:
        The hidden folder: empty, or with what an earlier call of the same request left.

    Raises:
        OutputError: It cannot be written, or another process is writing it.
    """
    part = work_folder_of(target)
    asked = part / _REQUEST
    with _errors_of(target), _locked(target):
        try:
            if not request or earlier_request(target) != request:
                remove_work_folder(target)
                part.mkdir()
                write_text(asked, request)
            yield part
        except BaseException as error:
            begun = part.is_dir() and any(file.name != _REQUEST for file in part.iterdir())
            if not begun or (not keep and not (request and _may_go_on(error))):
                remove_work_folder(target)
            raise


def earlier_request(target: Path) -> str | None:
    """Return what the hidden folder that an earlier run left was to be, if there is one."""
    asked = work_folder_of(target) / _REQUEST
    return asked.read_text(encoding="utf-8") if asked.is_file() else None


def remove_work_folder(target: Path) -> None:
    """Remove the hidden folder of what has been made."""
    part = work_folder_of(target)
    with suppress(OSError):  # first: nobody shall go on with what is left after a kill
        (part / _REQUEST).unlink()
    shutil.rmtree(part, ignore_errors=True)


@contextmanager
def folder_writer(folder: Path, request: str = "") -> Iterator[Path]:
    """Write a folder whole or not at all; what was under its name before is replaced.

    What is written goes to the folder's ``work_folder``, which takes its name at the end.

    Args:
        folder: The folder wanted.
        request: What the folder is to hold, in any words; empty to always begin afresh.

    Yields:
        The hidden folder: empty, or with what an earlier call of the same request left.

    Raises:
        OutputError: It cannot be written, or another process is writing it.
    """
    old = folder.with_name(f".{folder.name}.old")
    with work_folder(folder, request) as part:
        _bring_back(old, folder)
        try:
            yield part
            (part / _REQUEST).unlink()
            if folder.exists():
                folder.replace(old)
            part.replace(folder)
        finally:
            _bring_back(old, folder)


def work_folder_of(target: Path) -> Path:
    """Return where ``work_folder`` keeps its hidden folder."""
    return target.with_name(f".{target.name}.part")


def _may_go_on(error: BaseException) -> bool:
    """Return whether the same request can succeed later: after an interruption, or a full disk."""
    if isinstance(error, GeoSemiMTLError):
        return isinstance(error, OutputError | MachineError)
    return isinstance(error, OSError) or not isinstance(error, Exception)


@contextmanager
def _errors_of(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, GeoSemiMTLError):
            raise
        raise OutputError(f"{folder}: cannot be written ({error.strerror}); {REMEDY}") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes from writing the folder; the lock goes with the process, even killed."""
    path = folder.with_name(f".{folder.name}.lock")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        if not path.exists():  # nobody holds it: the folder takes no files
            raise OutputError(
                f"{path.parent}: cannot be written to; choose another with -o"
            ) from error
        raise OutputError(
            f"{folder}: another run is writing it; wait for its end, or choose another with -o"
        ) from error
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes it on release
            path.unlink()
        lock.release()


def _bring_back(old: Path, folder: Path) -> None:
    """Undo a replacement that stopped half way, now or in an earlier run."""
    if old.exists() and not folder.exists():
        old.replace(folder)
    shutil.rmtree(old, ignore_errors=True)
