"""States that add rows up, part by part, and are merged in the order of the parts.

Each begins empty; ``add`` takes rows; ``pad`` takes rows of which the values are missing; ``merge`` takes up another
state, in place, and leaves the other as it was; an empty state is the neutral element. ``to_bytes`` gives a form
that ``from_bytes`` reads: equal for equal parts in equal order, whichever process made it, and without code in it. A
state is small, whatever the number of rows, and holds nothing that is random.
"""
