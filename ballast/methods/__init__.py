"""The science: arrays in, arrays out. No Dagster, no store, no file, no print.

``frame`` is what every method stands on, ``common`` what several rooms share, ``training`` how a network is trained.
The rooms hold the methods: ``shift`` (tests), ``out_of_distribution`` and ``labels`` (scores), ``weights``,
``sampling``, ``parts`` (of a network's training), ``learners``, ``robust``, ``features``, ``evaluation``. A method is
one class, one docstring and one claim test; everything else follows from them.
"""
