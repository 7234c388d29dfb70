"""Read a city model with cjio and say in JSON what it makes of it.

A program of its own, as importing cjio changes how Python's json writes numbers:
``python cjio_check.py FILE``
"""

import json
import sys
from pathlib import Path
from typing import Any

from cjio import cityjson


def facts(path: Path) -> dict[str, Any]:
    """Return what cjio makes of a file; a name that is there twice is an error."""
    with path.open() as file:
        model = cityjson.reader(file)
    model.check_version()
    corners = len(model.j["vertices"])
    found = {
        "version": model.get_version(),
        "epsg": model.get_epsg(),
        "box": model.calculate_bbox(),
        "about": model.get_info(long=True),
        "parts": sorted(len(part.j["CityObjects"]) for part in model.generate_features()),
    }
    model.remove_duplicate_vertices()
    found["twice"] = corners - len(model.j["vertices"])
    model.remove_orphan_vertices()
    found["unused"] = corners - found["twice"] - len(model.j["vertices"])
    return found


if __name__ == "__main__":
    json.dump(facts(Path(sys.argv[1])), sys.stdout)
