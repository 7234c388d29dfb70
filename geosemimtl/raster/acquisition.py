"""When an image was taken: what its file says of it, and how a user writes it."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from geosemimtl.errors import ConfigError
from geosemimtl.raster.scene import opened

#: Where GDAL keeps when an image was taken: domain and tag, the most telling first. The last is
#: the file's own date, which some programs set when they write it.
_TAGS = (
    ("IMAGERY", "ACQUISITIONDATETIME"),
    ("EXIF", "EXIF_DateTimeOriginal"),
    (None, "EXIF_DateTimeOriginal"),
    (None, "TIFFTAG_DATETIME"),
)
#: 2020, 2020-06, 2020-06-21, then T or a blank, 10:30 or 10:30:05.25, then Z, an offset, or UTC.
_WRITTEN = re.compile(
    r"(\d{4})(?:[-:](\d\d)(?:[-:](\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?"
)
_REMEDY = "write 2020, 2020-06, 2020-06-21, 2020-06-21T10:30:00Z, or two of them with a / between"


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """From when to when something was taken.

    Attributes:
        start: In UTC, whole seconds.
        end: Likewise; the same moment if it is known to the second.
    """

    start: datetime
    end: datetime

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a year, month, day, moment or two of them; without a zone they are UTC.

        Raises:
            ConfigError: It is none, or ends before it begins.
        """
        first, slash, last = text.strip().partition("/")
        begin = _span(first, text)
        span = cls(begin[0], (_span(last, text) if slash else begin)[1])
        if span.end < span.start:
            raise ConfigError(f"--datetime {text}: ends before it begins; {_REMEDY}")
        return span

    @property
    def is_moment(self) -> bool:
        """Whether it is one moment."""
        return self.start == self.end


def acquired(files: Sequence[Path]) -> tuple[TimeSpan, str] | None:
    """Return when the files of a scene were taken, and the tag that says so.

    Args:
        files: Rasters; each has to say it.

    Returns:
        From the first to the last of them; ``None`` if one does not say.

    Raises:
        SceneError: A file cannot be read.
    """
    found = [_said(file) for file in files]
    known = [each for each in found if each is not None]
    if len(known) < len(found):
        return None
    spans = [span for span, _ in known]
    whole = TimeSpan(min(span.start for span in spans), max(span.end for span in spans))
    return whole, known[-1][1]


def _said(file: Path) -> tuple[TimeSpan, str] | None:
    with opened(file) as source:
        domains: dict[str | None, Mapping[str, str]] = {
            domain: source.tags(ns=domain) for domain, _ in _TAGS
        }
    for domain, tag in _TAGS:
        # cameras and scanners without a clock write zeros or blanks
        with suppress(ConfigError):
            if text := domains[domain].get(tag, ""):
                return TimeSpan.parse(text), tag
    return None


def _span(part: str, text: str) -> tuple[datetime, datetime]:
    match = _WRITTEN.fullmatch(part.strip())
    if match is None:
        raise ConfigError(f"--datetime {text}: is no date; {_REMEDY}")
    *numbers, zone = match.groups()
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    try:
        if numbers[3] is not None:
            moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _offset(zone)
            return moment, moment
        last = month if numbers[1] else 12
        days = day if numbers[2] else monthrange(year, last)[1]
        begin = datetime(year, month if numbers[1] else 1, day if numbers[2] else 1, tzinfo=UTC)
        return begin, datetime(year, last, days, 23, 59, 59, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"--datetime {text}: is no date ({error}); {_REMEDY}") from error


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta()
    minutes = 60 * int(zone[1:3]) + int(zone[-2:])
    return timedelta(minutes=-minutes if zone[0] == "-" else minutes)
