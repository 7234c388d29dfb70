"""Heights above ground from a surface model: the ground beneath it, and the difference."""
