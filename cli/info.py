"""``geosemimtl info``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.options import FILE, json_option, talk_options


@click.command("info")
@click.argument("path", type=FILE)
@json_option
@talk_options
def command(path: Path, *, as_json: bool) -> None:
    """Print what a tile set's folder or a model file says of itself.

    \b
    Example:
      geosemimtl info tiles/potsdam
      geosemimtl info runs/demo/demo.safetensors
    """
    from geosemimtl.cli.cards import model_tables, tileset_tables
    from geosemimtl.cli.console import OUT
    from geosemimtl.inference.inspection import info
    from geosemimtl.tiling.tileset import TileSet

    described = info(path)
    if as_json:
        click.echo(described.model_dump_json())
        return
    made = tileset_tables(described) if isinstance(described, TileSet) else model_tables(described)
    for one in made:
        OUT.print(one)
