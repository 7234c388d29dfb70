"""Peak memory of a process."""

from __future__ import annotations

import re
from pathlib import Path


def peak_mb() -> float:
    """Return the most memory this process has held, in MB; Linux only.

    Not what getrusage says: that is handed down by the process that started this one.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) / 1024
