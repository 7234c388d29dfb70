"""STAC items, by which catalogues find predictions and models."""
