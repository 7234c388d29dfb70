"""The machine that this runs on: its memory and its versions of what matters."""

from __future__ import annotations

import ctypes
import re
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

#: glibc's names for how many pieces of memory are the system's, and what is given back to it.
_M_MMAP_MAX, _M_TRIM_THRESHOLD = -4, -1
_NEVER = 2**31 - 1
_STATUS = Path("/proc/self/status")


def peak_memory_mb() -> float | None:
    """Return the most memory that this process has held, in MB; ``None`` where nobody tells."""
    if _STATUS.is_file():
        # not what getrusage says: that is handed down by the process that started this one
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="utf-8"))
        return int(found[1]) / 1024 if found else None
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415  (not on Windows)

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def keep_freed_memory() -> None:
    """Have glibc keep memory that was given back, for what is asked for next.

    By default it returns large pieces to the system at once, and each is cleared again, page by
    page, when it is needed again: with a network on a processor a quarter of the time. Other C
    libraries are left as they are.
    """
    with suppress(AttributeError, OSError, TypeError):  # no glibc; Windows
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_MAX, 0)
        library.mallopt(_M_TRIM_THRESHOLD, _NEVER)


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of this package and of others."""
    return {name: version(name) for name in ("geosemimtl", *packages)}
