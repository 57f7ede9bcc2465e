"""Gates over rows that do not fit in memory: the judgements of ``judge``, from counts added up and questions in SQL."""
