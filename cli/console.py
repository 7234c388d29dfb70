"""What the terminal shows: data on standard output, messages and progress on standard error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import click
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from geosemimtl.cli.options import asked
from geosemimtl.progress import Noted, Pixels

T = TypeVar("T")

#: Standard output, for data.
OUT = Console(highlight=False, markup=False, emoji=False)
#: Standard error, for messages and progress.
ERR = Console(stderr=True, highlight=False, markup=False, emoji=False)


def track(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    """Show a progress bar while the items are taken; one line at the end where nobody watches."""
    if quiet():
        yield from items
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _SpeedColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with _Bar(*columns, console=ERR) as progress:
        # after an error nobody takes the last item: the bar must go before the message comes
        if context := click.get_current_context(silent=True):
            context.call_on_close(lambda: _stop(progress))
        task = progress.add_task(label, total=total)
        pixels = 0.0
        for item in items:
            yield item
            if isinstance(item, Pixels):
                pixels += item
                progress.update(task, pixels=pixels)
            if isinstance(item, Noted):
                progress.update(task, note=item.note)
            progress.advance(task)


class _Bar(Progress):
    """A progress bar with notes below it."""

    def get_renderables(self) -> Iterator[RenderableType]:
        """Yield the bar, then what there is to say."""
        yield from super().get_renderables()
        for task in self.tasks:
            if note := task.fields.get("note"):
                yield Text(note, style="dim")


class _SpeedColumn(ProgressColumn):
    """Megapixels a second, where items are pixels."""

    def render(self, task: Task) -> Text:
        """Return the mean since the start."""
        pixels = task.fields.get("pixels")
        if not pixels or not task.elapsed:
            return Text("")
        return Text(f"{pixels / 1e6 / task.elapsed:.2f} Mpx/s", style="progress.data.speed")


def _stop(progress: Progress) -> None:
    # a second stop would print an empty line where nobody watches
    if progress.live.is_started:
        progress.stop()


def say(text: str) -> None:
    """Print a message, unless told to be quiet."""
    if not quiet():
        ERR.print(text, soft_wrap=True)


def quiet() -> bool:
    """Return whether -q was given."""
    return asked("quiet")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table: the first column is text, the others are numbers."""
    made = _table(title)
    for index, column in enumerate(columns):
        made.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        made.add_row(*map(str, row))
    return made


def facts(title: str, rows: Iterable[tuple[str, object]]) -> Table:
    """Return a table of names and what they are."""
    made = _table(title, show_header=False)
    made.add_column(overflow="fold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, str(value))
    return made


def _table(title: str, *, show_header: bool = True) -> Table:
    # at least as wide as its title, which is broken into lines otherwise
    width = min(len(title), OUT.width)
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        show_header=show_header,
        min_width=width,
    )
