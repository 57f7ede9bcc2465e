"""The science: arrays in, arrays out. No Dagster, no store, no file, no print.

One package a room: ``shift`` (tests), ``novelty`` and ``labels`` (scores), ``weights``, ``sampling``, ``learners``,
``evaluation``, ``whitening`` (features). A method is one class, one docstring and one claim test; everything else
follows from them.
"""
