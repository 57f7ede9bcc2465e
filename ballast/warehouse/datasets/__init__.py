"""Data that leaves the house: the rows of a step, ready to train on, in Python or as a file."""
