"""How much one operation may read, so that no single query keeps the server from all others."""

from __future__ import annotations

from evenhand_schema.errors import QueryTooLarge

LARGEST_ANSWER = 250_000
"""How many values one answer may hold: the records of each list times the fields asked of them."""

LIST_COST = 10
"""What a list takes by itself, also an empty one, in values."""


class Budget:
    """What is left of `LARGEST_ANSWER`."""

    def __init__(self) -> None:
        self._left = LARGEST_ANSWER

    def spend(self, values: int) -> None:
        """Count values of the answer.

        Raises:
            QueryTooLarge: they are more than one answer may hold.
        """
        self._left -= values
        self.check()

    def check(self) -> None:
        """Refuse to go on once too much was asked.

        Raises:
            QueryTooLarge: it was.
        """
        if self._left < 0:
            raise QueryTooLarge(
                f"The answer would hold more than {LARGEST_ANSWER} values.",
                hint="Lower `first`, nest fewer lists, or ask for fewer fields.",
            )
