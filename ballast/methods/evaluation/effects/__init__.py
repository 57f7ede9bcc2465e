"""Effects of a treatment."""
