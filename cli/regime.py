"""``geosemimtl regime``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosemimtl.cli.options import (
    FILE,
    json_option,
    overwrite_option,
    talk_options,
)
from geosemimtl.cli.values import Names

if TYPE_CHECKING:
    from geosemimtl.data.regimes import Per


class Kind(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    """A kind that ``draw_regime`` knows."""

    name = "KIND"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as it is."""
        from geosemimtl.data.regimes import check_kind

        try:
            check_kind(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)
        return str(value)


@click.command("regime")
@click.argument("images", type=FILE, metavar="TILESET|LIST")
@click.option(
    "--kind",
    type=Kind(),
    metavar="one|random|third|all|1:9|1/8",
    help="What each image keeps: one task (the default), a random number; a ratio parts images "
    "among tasks; a share of images keeps all.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Another seed, another draw.",
)
@click.option("--tasks", type=Names(), help="Tasks in order; those of the tile set by default.")
@click.option(
    "--per",
    type=click.Choice(["image", "tile"]),
    default="image",
    show_default=True,
    help="What keeps its labels together: a scene with all its tiles, or a tile.",
)
@click.option(
    "--file",
    "source",
    type=FILE,
    help="Instead of drawing: a split that MTPSL's authors released (.pth), or a regime (.json).",
)
@click.option("-o", "--output", type=FILE, help="JSON that a training's YAML names.")
@overwrite_option
@json_option
@talk_options
def command(
    images: Path,
    kind: str | None,
    seed: int,
    tasks: tuple[str, ...] | None,
    per: Per,
    source: Path | None,
    output: Path | None,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Draw which images keep the labels of which tasks.

    Counts what the tiles of the split train keep, or the images of LIST, a text file with a name a
    line. Nothing is written without -o.

    \b
    Example:
      geosemimtl regime tiles/town --kind one --seed 0 -o regime.json
      geosemimtl regime tiles/nyuv2 --file randomlabels.pth -o regime.json
    """
    import json

    from geosemimtl.cli.console import OUT, say, table
    from geosemimtl.data.regime_drawing import regime
    from geosemimtl.data.regimes import RegimeSection

    if source is not None and (kind is not None or seed or per != "image"):
        raise click.UsageError("--file is drawn already: leave out --kind, --seed and --per")
    if source is None:
        wanted = RegimeSection(kind=kind or "one", seed=seed, tasks=tasks, per=per)
    elif tasks is not None and source.suffix == ".json":
        raise click.UsageError(f"{source} names its own tasks: leave out --tasks")
    else:
        wanted = RegimeSection(file=source, tasks=tasks)
    made = regime(images, output, wanted=wanted, overwrite=overwrite)
    if as_json:
        head = made.model_dump(mode="json", exclude={"images"})
        more = {"images": len(made.images), "labels_per_image": made.labels_per_image}
        click.echo(json.dumps(head | more))
    else:
        drawn = "" if made.seed is None else f", seed {made.seed}"
        title = f"Regime {made.kind}{drawn}: {len(made.images)} {per}s"
        OUT.print(table(title, ("task", f"{per}s"), made.counts.items()))
        rows = enumerate(made.labels_per_image)
        OUT.print(table(f"Labels that the {per}s keep", ("labels", f"{per}s"), rows))
    if output is not None:
        say(f"wrote {output}")
