"""What scenes, tile sets and models are, without predicting or cutting anything."""
