"""What can be wrong with a job."""

from __future__ import annotations

from evenhand.errors import EvenhandError


class UnknownJobKind(EvenhandError):
    """Nobody has said how this kind of job is done."""

    code = "UNKNOWN_JOB_KIND"


class JobEnded(EvenhandError):
    """A job that is over cannot go on or end once more."""

    code = "JOB_ENDED"


class JobCancelled(EvenhandError):
    """Somebody asked for the job's end; what the open step wrote is taken back."""

    code = "JOB_CANCELLED"


class JobLost(EvenhandError):
    """Another worker does the job now, or it is over; what the open step wrote is taken back."""

    code = "JOB_LOST"


class InvalidCron(EvenhandError):
    """A text that names no times."""

    code = "INVALID_CRON"
