"""``geosemimtl train``."""

from __future__ import annotations

from pathlib import Path

import click

from geosemimtl.cli.options import (
    FILE,
    dataset_roots_option,
    overwrite_option,
    set_option,
    talk_options,
)


@click.command("train")
@click.argument("config", type=FILE)
@set_option
@dataset_roots_option
@click.option(
    "--init", type=FILE, help="Model file to start from, instead of the encoder's weights."
)
@click.option("-o", "--output", type=FILE, help="The run's folder; runs/NAME by default.")
@overwrite_option
@talk_options
def command(
    config: Path,
    overrides: tuple[str, ...],
    roots: tuple[tuple[str, str], ...],
    init: Path | None,
    output: Path | None,
    *,
    overwrite: bool,
) -> None:
    """Train one model as CONFIG (YAML) says.

    Interrupted or killed, the same command goes on where it was, to the same model.

    \b
    Example:
      geosemimtl train semimtl.yaml -s domains.0.tiles=tiles/potsdam -s batch=8
      geosemimtl train cross_city.yaml --dataset cityscapes data/cityscapes
    """
    from geosemimtl.cli.console import say, track
    from geosemimtl.publish.card_facts import model_facts
    from geosemimtl.publish.run_readme import command_as_given
    from geosemimtl.training.config import load_config
    from geosemimtl.training.data_sets import cut_data_sets
    from geosemimtl.training.model_file import read_card
    from geosemimtl.training.trainer import train

    loaded = load_config(config, overrides)
    folder = output or Path("runs") / loaded.name
    try:
        cut_data_sets(loaded, {name: Path(root) for name, root in roots}, track)
        command = command_as_given(click.get_current_context().obj or ())
        model = train(loaded, folder, init=init, overwrite=overwrite, track=track, command=command)
    except KeyboardInterrupt:
        say("\nThe same command goes on from here.")
        raise
    weights = dict(model_facts(read_card(model))).get("weights")
    say(f"wrote {model}{f', {weights}' if weights else ''}")
    say(f"{folder / 'README.md'} says what is in the folder")
