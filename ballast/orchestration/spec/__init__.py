"""What a pipeline's YAML says, before anything is looked up or read."""
