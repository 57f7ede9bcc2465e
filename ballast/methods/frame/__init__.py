"""What every method stands on: the roles, the vocabulary, parameters, reports, streams and the catalogue."""
