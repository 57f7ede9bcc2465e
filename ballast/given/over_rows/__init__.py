"""Learning from rows that do not fit in memory, by the parts of a table and what each comes to."""
