"""The places that can keep a warehouse."""
