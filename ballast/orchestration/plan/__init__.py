"""What will run: a pipeline that has been checked."""
