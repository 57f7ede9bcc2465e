"""Penalties on a batch's loss."""
