"""What a hand-over may refuse."""

from evenhand.errors import EvenhandError


class HandoverOpen(EvenhandError):
    """There is a draft for this user already."""

    code = "HANDOVER_OPEN"


class HandoverEnded(EvenhandError):
    """The hand-over is in a state in which this cannot be done any more."""

    code = "HANDOVER_ENDED"


class NothingHeld(EvenhandError):
    """The user holds nothing that could be handed over."""

    code = "NOTHING_HELD"


class ChangedTooOften(EvenhandError):
    """Customers would get another owner more often within a year than the tenant allows."""

    code = "CHANGED_TOO_OFTEN"


class UndoTooLate(EvenhandError):
    """The time in which a hand-over can be undone is over."""

    code = "UNDO_TOO_LATE"


class FormerOwnerInactive(EvenhandError):
    """Who handed over cannot hold records any more."""

    code = "FORMER_OWNER_INACTIVE"


class HoldsRecords(EvenhandError):
    """A user who still holds records cannot leave."""

    code = "HOLDS_RECORDS"
