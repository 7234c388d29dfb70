"""The program ``geosemimtl``: its commands, and how failures end."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from geosemimtl.cli.options import talk_options
from geosemimtl.errors import GeoSemiMTLError

#: In the order of a user's work.
COMMANDS = (
    "demo",
    "check",
    "ndsm",
    "tile",
    "regime",
    "train",
    "predict",
    "vectorize",
    "evaluate",
    "experiment",
    "export",
    "info",
)


class _Commands(click.Group):
    """Finds each command in the module of its name, when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  (click's signature)
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"geosemimtl.cli.{cmd_name}").command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="geosemimtl")
@talk_options
def cli() -> None:
    """Land cover and height from orthophotos, as GeoTIFFs that QGIS opens.

    \b
    Example:
      geosemimtl demo                    the whole way on a synthetic city
      geosemimtl tile scene.tif --labels classes.tif --gsd 0.09 -o tiles/a
      geosemimtl train config.yaml
      geosemimtl predict scene.tif
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program; exit 1 after an error, 2 after wrong usage, 130 after Ctrl-C.

    Args:
        arguments: After the program's name; those of the process by default.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        sys.exit(cli.main(given, prog_name="geosemimtl", standalone_mode=False, obj=given))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        click.echo("Interrupted.", err=True)
        stopped = error.__cause__ if isinstance(error, click.Abort) else error
        number = stopped.args[0] if stopped and stopped.args else signal.SIGINT
        sys.exit(128 + number)
    except (GeoSemiMTLError, OSError) as error:
        if "--debug" in given:
            raise
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
