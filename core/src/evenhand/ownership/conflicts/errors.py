"""Why nothing can be done about a conflict case."""

from evenhand.errors import EvenhandError


class CaseEnded(EvenhandError):
    """The case stands where this cannot be done: it was ruled on, closed or withdrawn meanwhile."""

    code = "CASE_ENDED"


class CaseExists(EvenhandError):
    """There is a case about the record already."""

    code = "CASE_EXISTS"


class AppealRefused(EvenhandError):
    """The ruling cannot be appealed: the time is over, or somebody did."""

    code = "APPEAL_REFUSED"


__all__ = ["AppealRefused", "CaseEnded", "CaseExists"]
