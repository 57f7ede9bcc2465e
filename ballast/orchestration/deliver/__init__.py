"""Where the predictions of a step are written beside the warehouse, and how: its own rows, whole or not at all."""
