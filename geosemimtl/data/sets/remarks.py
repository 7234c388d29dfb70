"""What is said of a data set's files that are missing, left over or not enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from geosemimtl.data.sets.benchmark import Benchmark, Key, Kind, Target, Variant
from geosemimtl.data.sets.listing import Listing
from geosemimtl.data.sets.pairing import Found, natural_order
from geosemimtl.tiling.data_set import Stock

#: How many names are told before the rest is only counted.
_FEW = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """What was wanted of a data set and what of it is there.

    Attributes:
        known: The data set.
        variant: Of the images.
        targets: By task.
        found: The files of all its kinds.
        scenes: Keys of the scenes that have an image.
        splits: By key, where known.
    """

    known: Benchmark
    variant: Variant
    targets: Mapping[str, Target]
    found: Found
    scenes: tuple[Key, ...]
    splits: Mapping[Key, str | None]

    def due(self, target: Target) -> list[Key]:
        """Return the scenes that should have a target."""
        wanted = target.splits
        return [key for key in self.scenes if wanted is None or self.splits[key] in wanted]


def stocks_of(choice: Choice) -> tuple[Stock, ...]:
    """Return how much there is of each kind of file."""
    known, found = choice.known, choice.found
    sets = (known.targets, *known.alternatives.values())
    due = {target.kind: choice.due(target) for each in sets for target in each.values()}
    stocks = []
    for kind in known.kinds:
        keys = due.get(kind, choice.scenes) if known.scenes is None else tuple(known.scenes)
        missing = tuple(known.called(key) for key in keys if key not in found[kind])
        stocks.append(Stock(kind.name, kind.source, len(keys) - len(missing), missing))
    return tuple(stocks)


def no_image(listing: Listing, known: Benchmark, variant: Variant, found: Found) -> str:
    """Return what is wrong where no image was found, and where the folder may be mistaken."""
    lead = f"{listing.root}: has no {variant.images.name} "
    others = [name for name, each in known.variants.items() if found[each.images]]
    if others:
        return (
            f"{lead}({variant.images.source}); it has {', '.join(others)}: pass --variant "
            f"{others[0]}"
        )
    there = [f"{kind.name} ({len(found[kind])})" for kind in known.kinds if found[kind]]
    if there:
        why = f"there are only {', '.join(there)}: put the images beside them"
    elif listing.paths:
        first = next(iter(listing.paths))
        why = f"none of {len(listing.paths)} names below fits, such as {first}: check the folder"
    else:
        why = "the folder is empty: check it"
    return (
        f"{lead}of {known.name} ({variant.images.source}); {why}, or ask for the data at "
        f"{known.request}"
    )


def no_alternative(listing: Listing, choice: Choice, name: str) -> list[str]:
    """Return what is wrong where targets were asked for in place of others and none is there."""
    known = choice.known
    asked = [
        target.kind
        for task, target in known.alternatives[name].items()
        if task in choice.targets and not choice.found[target.kind]
    ]
    return [
        f"{listing.root}: has no {kind.name} ({kind.source}); leave --{name} out, or ask for them "
        f"at {known.request}"
        for kind in asked
    ]


def remarks_of(choice: Choice, unlisted: Sequence[Key] = ()) -> tuple[str, ...]:
    """Return what is left out, and why.

    Args:
        choice: What is there.
        unlisted: Images that no list of scenes names.
    """
    known, found, images = choice.known, choice.found, choice.variant.images
    lacking = []
    if known.scenes is not None and len(choice.scenes) < len(known.scenes):
        missing = [key for key in known.scenes if key not in found[images]]
        lacking.append(_lacking(known, images, missing, len(known.scenes), "left out"))
    empty = [target for target in choice.targets.values() if not found[target.kind]]
    for target in _one_a_kind(choice.targets):
        due = choice.due(target)
        without = [key for key in due if key not in found[target.kind]]
        if without and not (target in empty and target.remedies):
            lacking.append(_lacking(known, target.kind, without, len(due), "cut without"))
    if lacking:
        lacking.append(f"ask for what is missing at {known.request}")
    for target in empty:
        lacking += _remedies(target, found)
    return (*lacking, *_unplaced(choice), *_left_over(choice), *_left_out(choice, unlisted))


def _one_a_kind(targets: Mapping[str, Target]) -> list[Target]:
    """Return one target of those that are read from the same files."""
    return list({target.kind: target for target in targets.values()}.values())


def _lacking(known: Benchmark, kind: Kind, keys: Sequence[Key], of: int, what: str) -> str:
    names = _few([known.called(key) for key in keys])
    return (
        f"{kind.name} ({kind.source}): {len(keys)} of {of} scenes have none and are {what}: {names}"
    )


def _remedies(target: Target, found: Found) -> list[str]:
    """Return where a target could come from that no scene has."""
    ways = [each.says for each in target.remedies if each.kind is None or found[each.kind]]
    return [f"no {target.kind.name}: {'; or '.join(ways)}"] if ways else []


def _unplaced(choice: Choice) -> list[str]:
    places = choice.known.ground.places if choice.known.ground else None
    if places is None or all(key in choice.found[places] for key in choice.scenes):
        return []
    said = (
        f"{places.name} ({places.source}): some are missing; images that do not say where they "
        "lie are laid side by side, not where they are"
    )
    return [said]


def _left_over(choice: Choice) -> list[str]:
    """Return which targets' files belong to no image."""
    known = choice.known
    keys = set(choice.found[choice.variant.images] if known.scenes is None else known.scenes)
    said = []
    for target in _one_a_kind(choice.targets):
        kind = target.kind
        over = sorted(set(choice.found[kind]) - keys - set(known.skipped), key=natural_order)
        if over:
            names = _few([choice.found[kind][key].name for key in over])
            said.append(
                f"{kind.name} ({kind.source}): {len(over)} fit no image and are not used: {names}"
            )
    return said


def _left_out(choice: Choice, unlisted: Sequence[Key]) -> list[str]:
    known = choice.known
    there = [key for key in known.skipped if key in choice.found[choice.variant.images]]
    said = [f"{known.called(key)} is left out: {known.skipped[key]}" for key in there]
    if unlisted:
        names = _few([known.called(key) for key in unlisted])
        said.append(f"{len(unlisted)} images are in none of the lists and are left out: {names}")
    return said


def _few(names: Sequence[str]) -> str:
    return ", ".join((*names[:_FEW], "...") if len(names) > _FEW else names)
