"""When images were taken: as users write it and as files say it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from geosemimtl.errors import ConfigError
from geosemimtl.raster.acquisition import TimeSpan, acquired

Make = Callable[..., Path]


def at(text: str) -> datetime:
    """Return a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2020", "2020-01-01T00:00:00", "2020-12-31T23:59:59"),
        ("2020-02", "2020-02-01T00:00:00", "2020-02-29T23:59:59"),
        ("2021-06-21", "2021-06-21T00:00:00", "2021-06-21T23:59:59"),
        ("2021-06-21T10:30:05Z", "2021-06-21T10:30:05", "2021-06-21T10:30:05"),
        ("2021-06-21 10:30", "2021-06-21T10:30:00", "2021-06-21T10:30:00"),
        ("2021-06-21T10:30:05.75+02:00", "2021-06-21T08:30:05", "2021-06-21T08:30:05"),
        ("2021-06-21T22:30:00-0330", "2021-06-22T02:00:00", "2021-06-22T02:00:00"),
        ("2021:06:21 10:30:05", "2021-06-21T10:30:05", "2021-06-21T10:30:05"),
        ("2020-06/2021-07-02", "2020-06-01T00:00:00", "2021-07-02T23:59:59"),
    ],
)
def test_what_is_written(text: str, start: str, end: str) -> None:
    span = TimeSpan.parse(text)
    assert (span.start, span.end) == (at(start), at(end))
    assert span.is_moment == (start == end)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no date"),
        ("yesterday", "is no date"),
        ("20-06-21", "is no date"),
        ("2020-6-1", "is no date"),
        ("2020-02-30", "is no date"),
        ("2020-06-21T25:00Z", "is no date"),
        ("0000:00:00 00:00:00", "is no date"),
        ("2021/2020", "ends before it begins"),
        ("2020/", "is no date"),
        ("9999-12-31T23:00-05:00", "is no date"),
    ],
)
def test_what_is_none(text: str, words: str, one_line: Callable[[Any], str]) -> None:
    with pytest.raises(ConfigError) as caught:
        TimeSpan.parse(text)
    message = one_line(caught.value)
    assert words in message
    assert "2020-06-21T10:30:00Z" in message


@given(st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  (hypothesis adds the zone)
def test_moments_come_back(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    assert TimeSpan.parse(whole.isoformat()) == TimeSpan(whole, whole)


def tagged(path: Path, text: str, tag: str = "TIFFTAG_DATETIME", domain: str | None = None) -> Path:
    """Write a date into a file."""
    with rasterio.open(path, "r+") as target:
        target.update_tags(ns=domain, **{tag: text})
    return path


@pytest.fixture
def images(make_raster: Make) -> list[Path]:
    """Return two images without a date."""
    return [make_raster(name, np.ones((1, 4, 4), np.uint8)) for name in ("a.tif", "b.tif")]


def test_a_file_says_it(images: list[Path]) -> None:
    assert acquired(images[:1]) is None
    tagged(images[0], "2019:05:01 09:10:11")
    moment = at("2019-05-01T09:10:11")
    assert acquired(images[:1]) == (TimeSpan(moment, moment), "TIFFTAG_DATETIME")


def test_the_image_s_date_before_the_file_s(images: list[Path]) -> None:
    tagged(images[0], "2019:05:01 09:10:11")
    tagged(images[0], "2018-07-02 10:00:00", "ACQUISITIONDATETIME", "IMAGERY")
    found = acquired(images[:1])
    assert found is not None
    assert (found[0].start, found[1]) == (at("2018-07-02T10:00:00"), "ACQUISITIONDATETIME")


def test_a_clock_that_was_never_set_says_nothing(images: list[Path]) -> None:
    tagged(images[0], "0000:00:00 00:00:00")
    assert acquired(images[:1]) is None


def test_a_mosaic_was_taken_from_its_first_to_its_last(images: list[Path]) -> None:
    tagged(images[0], "2019:05:03 00:00:00")
    assert acquired(images) is None, "one does not say"
    tagged(images[1], "2019:05:01 00:00:00")
    found = acquired(images)
    assert found is not None
    assert found[0] == TimeSpan(at("2019-05-01T00:00:00"), at("2019-05-03T00:00:00"))
