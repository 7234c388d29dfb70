"""From a model and scenes to rasters, and from rasters and truth to scores."""
