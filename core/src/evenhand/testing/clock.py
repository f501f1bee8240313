"""A clock that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Stands still until it is moved; `evenhand.clock` tells its time while the fixture `clock` is used."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        """Its time, aware UTC."""
        return self._moment

    def set(self, moment: datetime) -> None:
        """Put it to an aware moment, also back."""
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no time zone: give an aware moment, e.g. datetime(…, tzinfo=UTC)")
        self._moment = moment.astimezone(UTC)

    def advance(self, by: timedelta | None = None, **amount: float) -> datetime:
        """Move it forwards.

        Args:
            amount: as for `timedelta`, e.g. `hours=3`.

        Returns: its new time.
        """
        self._moment += (by or timedelta()) + timedelta(**amount)
        return self._moment
