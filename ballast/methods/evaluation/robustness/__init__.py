"""What would become of a model under another mixture of its sources."""
