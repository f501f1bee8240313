"""The closed lists of values, in the field's standard terms. Values are stored as written here."""

from enum import StrEnum


class UserLevel(StrEnum):
    JUNIOR = "junior"
    SENIOR = "senior"
    EXPERT = "expert"


class AccountKind(StrEnum):
    COMPANY = "company"
    PERSON = "person"


class AccountSize(StrEnum):
    """By employees: up to 9, 49, 249, 999, and more."""

    MICRO = "micro"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"
    ENTERPRISE = "enterprise"


class Tier(StrEnum):
    A = "a"
    B = "b"
    C = "c"


class LifecycleStage(StrEnum):
    PROSPECT = "prospect"
    CUSTOMER = "customer"
    FORMER_CUSTOMER = "former_customer"
    PARTNER = "partner"


class ConsentStatus(StrEnum):
    UNKNOWN = "unknown"
    GRANTED = "granted"
    WITHDRAWN = "withdrawn"


class ChannelKind(StrEnum):
    EMAIL = "email"
    PHONE = "phone"
    WECHAT = "wechat"
    WECOM = "wecom"
    WHATSAPP = "whatsapp"
    LINE = "line"
    TELEGRAM = "telegram"
    OTHER = "other"


class LeadStatus(StrEnum):
    NEW = "new"
    WORKING = "working"
    NURTURING = "nurturing"
    UNQUALIFIED = "unqualified"
    CONVERTED = "converted"


class Interest(StrEnum):
    COLD = "cold"
    WARM = "warm"
    HOT = "hot"


class CampaignChannel(StrEnum):
    EMAIL = "email"
    SEARCH = "search"
    SOCIAL = "social"
    DISPLAY = "display"
    EVENT = "event"
    REFERRAL = "referral"
    CONTENT = "content"
    OTHER = "other"


class StageKind(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


class ThreatLevel(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class OrderKind(StrEnum):
    QUOTE = "quote"
    CONTRACT = "contract"
    ORDER = "order"


class OrderStatus(StrEnum):
    DRAFT = "draft"
    ISSUED = "issued"
    ACCEPTED = "accepted"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class ActivityKind(StrEnum):
    CALL = "call"
    EMAIL = "email"
    MEETING = "meeting"
    VISIT = "visit"
    MESSAGE = "message"
    NOTE = "note"


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class TicketStatus(StrEnum):
    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class SurveyKind(StrEnum):
    """CSAT: satisfaction 1 to 5. NPS: likelihood to recommend, 0 to 10."""

    CSAT = "csat"
    NPS = "nps"


class AbsenceKind(StrEnum):
    VACATION = "vacation"
    SICK = "sick"
    TRAINING = "training"
    OTHER = "other"


class CustomFieldType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    CHOICE = "choice"


class OwnershipReason(StrEnum):
    """Why a record changed hands."""

    CREATED = "created"
    IMPORTED = "imported"
    MANUAL = "manual"
    ASSIGNED = "assigned"
    CONVERTED = "converted"
    RELEASED = "released"
    MERGED = "merged"
    UNMERGED = "unmerged"
    CLAIMED = "claimed"
    RETURNED = "returned"
    RECLAIMED = "reclaimed"
    OFFER_ACCEPTED = "offer_accepted"
    DRAWN = "drawn"
    HANDED_OVER = "handed_over"
    HANDOVER_UNDONE = "handover_undone"
    RULED = "ruled"
    APPEALED = "appealed"


class OfferState(StrEnum):
    """Where an offer of a record stands; all but the first are final."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"


class PoolRole(StrEnum):
    """What somebody is in a pool; who manages it may also claim from it."""

    MEMBER = "member"
    MANAGER = "manager"


class FieldEffect(StrEnum):
    """What is shown of a field: nothing, or a part such as 138****5678."""

    HIDE = "hide"
    MASK = "mask"


class ApprovalKind(StrEnum):
    """What is to be approved."""

    DISCOUNT = "discount"
    QUOTE = "quote"
    CONTRACT = "contract"
    STAGE_MOVE = "stage_move"
    CUSTOM = "custom"


class ApprovalState(StrEnum):
    """Where a request for approval stands; all but the first are final."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class ApprovalVerdict(StrEnum):
    """What one approver said."""

    APPROVE = "approve"
    REJECT = "reject"


class OnApproved(StrEnum):
    """What happens by itself when the last step is approved."""

    NOTHING = "nothing"
    APPLY = "apply"


class MemberRole(StrEnum):
    """What somebody in the team on a record is there for, besides the owner."""

    COLLABORATOR = "collaborator"
    WATCHER = "watcher"


class VisibilityLevel(StrEnum):
    """Whose records somebody sees; each level has all that the one before it has."""

    NONE = "none"
    OWN = "own"
    TEAM = "team"
    REGION = "region"
    ALL = "all"


class ConflictKind(StrEnum):
    """What a conflict case is about."""

    DUPLICATE_CUSTOMER = "duplicate_customer"
    SAME_DOMAIN = "same_domain"
    SAME_TAX_ID = "same_tax_id"
    PARENT_CHILD = "parent_child"
    SAME_WORK = "same_work"
    OTHER = "other"


class ConflictState(StrEnum):
    """Where a conflict case stands; records are frozen while it is open or appealed."""

    OPEN = "open"
    RULED = "ruled"
    APPEALED = "appealed"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class DuplicateKeyKind(StrEnum):
    """By what two records may be the same customer."""

    TAX_ID = "tax_id"
    DOMAIN = "domain"
    EMAIL = "email"
    PHONE = "phone"
    NAME = "name"


class Strictness(StrEnum):
    """What happens when a new record has the key of one that is there."""

    STOP = "stop"
    WARN = "warn"
    OFF = "off"


class HandoverState(StrEnum):
    """Where a hand-over stands; a draft can still be changed."""

    DRAFT = "draft"
    EXECUTED = "executed"
    UNDONE = "undone"
    CANCELLED = "cancelled"


class HandoverMethod(StrEnum):
    """How it was chosen who gets a record of a hand-over."""

    POLICY = "policy"
    FOLLOW_ACCOUNT = "follow_account"
    COLLABORATOR = "collaborator"
    BALANCE = "balance"
    SHARES = "shares"
    HAND = "hand"


class HandoverOutcome(StrEnum):
    """What became of a record of a hand-over."""

    MOVED = "moved"
    STALE = "stale"
    STAYED = "stayed"
    RETURNED = "returned"
    KEPT = "kept"
