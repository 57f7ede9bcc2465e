"""Numbers of one model or one table of weights."""
