"""Land cover and height from orthophotos whose sensors are each labelled for only some tasks."""
