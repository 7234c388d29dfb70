"""``geosemimtl info``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.options import FILE, json_option, talk_options


@click.command("info")
@click.argument("paths", nargs=-1, required=True, type=FILE, metavar="PATH...")
@click.option(
    "--map",
    "map_path",
    type=FILE,
    metavar="PNG",
    help="Draw a tile set: its scenes, and its tiles by split.",
)
@json_option
@talk_options
def command(paths: tuple[Path, ...], map_path: Path | None, *, as_json: bool) -> None:
    """Print what tile sets or model files say of themselves.

    Of several tile sets it also says which sensor supervises which task, and how much of it.

    \b
    Example:
      geosemimtl info tiles/potsdam
      geosemimtl info tiles/potsdam --map potsdam.png
      geosemimtl info tiles/potsdam tiles/vaihingen
      geosemimtl info runs/demo/demo.safetensors
    """
    from geosemimtl.cli.cards import coverage_table, model_tables, tileset_tables
    from geosemimtl.cli.console import OUT, say
    from geosemimtl.inference.inspection.contents import coverage, info
    from geosemimtl.tiling.tileset import TileSet

    if map_path is not None and len(paths) != 1:
        raise click.UsageError("--map draws one tile set: name one folder")
    described = [info(path) for path in paths]
    tilesets = [one for one in described if isinstance(one, TileSet)]
    if map_path is not None:
        from geosemimtl.publish.tile_map import draw_map

        if not tilesets:
            raise click.UsageError("--map draws tile sets, not models")
        draw_map(paths[0], map_path)
        say(f"map in {map_path}")
    if as_json:
        documents = [one.model_dump_json() for one in described]
        click.echo(documents[0] if len(paths) == 1 else f"[{', '.join(documents)}]")
        return
    for one in described:
        made = tileset_tables(one) if isinstance(one, TileSet) else model_tables(one)
        for each in made:
            OUT.print(each)
    if len(tilesets) > 1:
        OUT.print(coverage_table(coverage(tilesets)))
