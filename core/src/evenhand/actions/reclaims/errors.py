"""Why a record cannot be protected or kept longer."""

from __future__ import annotations

from evenhand.errors import EvenhandError


class NotHolder(EvenhandError):
    """Only who holds a record may ask to keep it."""

    code = "NOT_HOLDER"


class ProtectionRefused(EvenhandError):
    """The pool's rule does not let this record be protected, or not any more."""

    code = "PROTECTION_REFUSED"


class ProtectionLimitReached(EvenhandError):
    """The holder protects as many records as the rule allows."""

    code = "PROTECTION_LIMIT_REACHED"


class ExtensionRefused(EvenhandError):
    """The pool's rule grants no more time, or not so much."""

    code = "EXTENSION_REFUSED"


class ExtensionPending(EvenhandError):
    """A request for the same record waits for its decision."""

    code = "EXTENSION_PENDING"


class ExtensionDecidedAlready(EvenhandError):
    """The request was decided before."""

    code = "EXTENSION_DECIDED_ALREADY"
