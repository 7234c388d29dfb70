"""Training methods: what the labels cannot say. One file a method."""
