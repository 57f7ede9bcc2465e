"""Tables that are handed over, whoever made them: as Arrow, in the types that are kept, held to a schema."""
