"""Tables and their versions: how they are hashed, laid out, committed and queried."""
