"""Training: the loop that runs any method, and the model file that comes out."""
