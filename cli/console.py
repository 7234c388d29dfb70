"""What the terminal shows: data on standard output, messages and progress on standard error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

T = TypeVar("T")

#: Standard output, for data.
OUT = Console(highlight=False)
#: Standard error, for messages and progress.
ERR = Console(stderr=True, highlight=False)


def track(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    """Show a progress bar while the items are taken; one line at the end where nobody watches."""
    if quiet():
        yield from items
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=ERR) as progress:
        task = progress.add_task(label, total=total)
        for item in items:
            yield item
            progress.advance(task)


def say(text: str) -> None:
    """Print a message, unless told to be quiet."""
    if not quiet():
        ERR.print(text, markup=False, soft_wrap=True)


def quiet() -> bool:
    """Return whether -q was given."""
    context = click.get_current_context(silent=True)
    return bool(context and context.find_root().params.get("quiet"))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table: the first column is text, the others are numbers."""
    made = Table(title=title, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        made.add_column(column, justify="left" if index == 0 else "right")
    for row in rows:
        made.add_row(*map(str, row))
    return made


def facts(title: str, rows: Iterable[tuple[str, object]]) -> Table:
    """Return a table of names and what they are."""
    made = Table(title=title, title_justify="left", title_style="bold", show_header=False)
    for name, value in rows:
        made.add_row(name, str(value))
    return made
