"""What an action may refuse."""

from evenhand.errors import EvenhandError


class VersionConflict(EvenhandError):
    """Somebody else changed the record since it was read."""

    code = "VERSION_CONFLICT"


class DuplicateValue(EvenhandError):
    """A value that must be unique in the tenant is taken."""

    code = "DUPLICATE_VALUE"


class RecordArchived(EvenhandError):
    """The record is archived and takes no changes until it is restored."""

    code = "RECORD_ARCHIVED"


class AlreadyConverted(EvenhandError):
    """The lead was converted before."""

    code = "ALREADY_CONVERTED"


class OwnerNotEligible(EvenhandError):
    """The user cannot hold customers: inactive, archived, or read-only."""

    code = "OWNER_NOT_ELIGIBLE"


class NoPolicy(EvenhandError):
    """No enabled plugin decides on owners."""

    code = "NO_POLICY"


class KeyReused(EvenhandError):
    """An idempotency key came with another request before."""

    code = "IDEMPOTENCY_KEY_REUSED"


class KeyInProgress(EvenhandError):
    """The first request with an idempotency key is still being done."""

    code = "IDEMPOTENCY_KEY_IN_PROGRESS"


class AlreadyReviewed(EvenhandError):
    """Somebody judged the signal before."""

    code = "ALREADY_REVIEWED"
