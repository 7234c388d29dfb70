"""What options take besides words and files: lists, ranges, sizes."""

from __future__ import annotations

from typing import Any

import click


class Names(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    """Comma-separated names."""

    name = "NAME,NAME,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Split at commas."""
        if isinstance(value, tuple):
            return value
        names = tuple(part.strip().lower() for part in value.split(","))
        if not all(names):
            self.fail(
                f"{value!r}: write names with commas between, such as nir,red,green", param, ctx
            )
        return names


class Range(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    """Two numbers, the smaller first."""

    name = "LOW,HIGH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        """Split at the comma."""
        if isinstance(value, tuple):
            return value
        try:
            low, high = (float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r}: write two numbers, such as 0,10000", param, ctx)
        if low >= high:
            self.fail(f"{value!r}: the smaller number comes first", param, ctx)
        return low, high


class Bounds(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    """Four numbers."""

    name = "LEFT,BOTTOM,RIGHT,TOP"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float, float]:
        """Split at the commas."""
        if isinstance(value, tuple):
            return value
        try:
            left, bottom, right, top = (float(part) for part in value.split(","))
        except ValueError:
            example = "368000,5806000,368100,5806100"
            self.fail(f"{value!r}: write four numbers, such as {example}", param, ctx)
        if left >= right or bottom >= top:
            self.fail(f"{value!r}: the order is left, bottom, right, top", param, ctx)
        return left, bottom, right, top


class Grid(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    """``scene``, ``model`` or a GSD."""

    name = "scene|model|METRES"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | float:
        """Return the word, or the number."""
        if value in ("scene", "model"):
            return str(value)
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r}: write scene, model or a GSD in metres", param, ctx)


class Shares(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    """Three numbers that add up to 1."""

    name = "TRAIN,VAL,TEST"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float]:
        """Split at the commas."""
        if isinstance(value, tuple):
            return value
        try:
            train, val, test = (float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r}: write three numbers, such as 0.7,0.15,0.15", param, ctx)
        return train, val, test


class Metres(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    """Rising numbers."""

    name = "METRES,METRES,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Split at the commas."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r}: write rising metres, such as 1,3,10,20", param, ctx)


class Overlap(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    """A share such as ``0.5`` or ``50%``, or pixels such as ``128px``."""

    name = "overlap"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | int:
        """Return a share as ``float``, pixels as ``int``."""
        if not isinstance(value, str):
            return float(value)
        try:
            if value.endswith("px"):
                return int(value[:-2])
            return float(value[:-1]) / 100 if value.endswith("%") else float(value)
        except ValueError:
            self.fail(f"{value!r}: write a share such as 0.5, or pixels such as 128px", param, ctx)


class Size(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    """Rows and columns, such as ``512x1024``."""

    name = "ROWSxCOLUMNS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return both numbers."""
        rows, by, cols = str(value).lower().partition("x")
        if not (by and rows.isdecimal() and cols.isdecimal() and int(rows) and int(cols)):
            self.fail(f"{value!r}: write rows and columns, such as 512x1024", param, ctx)
        return int(rows), int(cols)


class Alpha(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    """``auto``, ``none`` or a band's number."""

    name = "auto|none|N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Return the number, or the word."""
        if value in ("auto", "none"):
            return str(value)
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r}: write auto, none or a band's number", param, ctx)
