"""How a network is trained: its layers, its loop, the parts that a user names, and how it is stored."""
