"""What the values of closed lists mean, for people who read the schema.

An enum of the API itself describes its values where it is declared, with `strawberry.enum_value`. The lists of the
core are described here, those that name columns or entities describe themselves.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphql import GraphQLEnumType, GraphQLSchema

from evenhand_schema.declare import TYPES
from evenhand_schema.names import plural, snake

VALUES: Mapping[str, Mapping[str, str]] = {
    "ApprovalKind": {
        "DISCOUNT": "A price below the list: of an order that binds us, or of a deal that is won.",
        "QUOTE": "An offer that goes to the customer.",
        "CONTRACT": "A contract that goes to the customer.",
        "STAGE_MOVE": "A deal goes on to another stage.",
        "CUSTOM": "Anything else; who asks says what.",
    },
    "ApprovalState": {
        "PENDING": "It waits for a decision.",
        "APPROVED": "All steps were approved.",
        "REJECTED": "It was rejected, or not decided in time where that means the same.",
        "CANCELLED": "It was taken back, or requested again for other facts.",
        "EXPIRED": "It was not decided in time.",
    },
    "ApprovalVerdict": {"APPROVE": "It may be done.", "REJECT": "It may not be done."},
    "OnApproved": {
        "NOTHING": "Who asked goes on by hand.",
        "APPLY": "The move or the status that was asked for follows at once.",
    },
    "WebhookState": {
        "ACTIVE": "Events are sent to it.",
        "PAUSED": "Nothing is sent; `pauseReason` says why.",
    },
    "ConflictKind": {
        "DUPLICATE_CUSTOMER": "The same customer is there twice.",
        "SAME_DOMAIN": "Customers with the same domain.",
        "SAME_TAX_ID": "Customers with the same tax id.",
        "PARENT_CHILD": "A group and one of its companies.",
        "SAME_WORK": "Several worked on the same.",
        "OTHER": "Anything else; who opens it says what.",
    },
    "ConflictState": {
        "OPEN": "It waits for a ruling; holders do not change.",
        "RULED": "It was ruled on; parties may appeal.",
        "APPEALED": "It waits for the final ruling; holders do not change.",
        "CLOSED": "The ruling is final.",
        "WITHDRAWN": "It ended without a ruling.",
    },
    "DuplicateKeyKind": {
        "TAX_ID": "The tax id.",
        "DOMAIN": "The domain of the website or the e-mail address.",
        "EMAIL": "The e-mail address.",
        "PHONE": "The phone number.",
        "NAME": "The name of the company, without its legal form.",
    },
    "Strictness": {
        "STOP": "The record is not created or claimed.",
        "WARN": "It is, and an event tells of the other one.",
        "OFF": "Nothing happens.",
    },
    "MemberRole": {
        "COLLABORATOR": "Works on the record with a share.",
        "WATCHER": "Sees the record and changes nothing.",
    },
    "TeamRole": {
        "OWNER": "Holds the record, and has what the collaborators leave of 100 percent.",
        "COLLABORATOR": "Works on the record with a share.",
        "WATCHER": "Sees the record and changes nothing.",
    },
    "AbsenceKind": {
        "VACATION": "Holidays.",
        "SICK": "Illness.",
        "TRAINING": "A course or a conference.",
        "OTHER": "Anything else.",
    },
    "ExtensionState": {
        "PENDING": "It waits for a decision.",
        "APPROVED": "The time was granted.",
        "REJECTED": "The time was not granted.",
        "CANCELLED": "The record changed hands before it was decided.",
    },
    "HolidayKind": {
        "HOLIDAY": "Nobody works.",
        "WORKING": "A day of the weekend on which people work instead (调休).",
    },
    "AccountKind": {"COMPANY": "An organisation.", "PERSON": "A private customer."},
    "AccountSize": {
        "MICRO": "Up to 9 employees.",
        "SMALL": "10 to 49 employees.",
        "MEDIUM": "50 to 249 employees.",
        "LARGE": "250 to 999 employees.",
        "ENTERPRISE": "1,000 employees or more.",
    },
    "ActivityKind": {
        "CALL": "A telephone call.",
        "EMAIL": "An e-mail.",
        "MEETING": "A meeting, also online.",
        "MESSAGE": "A message in a messenger.",
        "NOTE": "A note that nobody else was part of.",
        "VISIT": "A visit at the customer's place.",
    },
    "CampaignChannel": {
        "CONTENT": "Articles, white papers and the like.",
        "DISPLAY": "Banners.",
        "EMAIL": "E-mails to many.",
        "EVENT": "A fair, a seminar, a webinar.",
        "OTHER": "Anything else.",
        "REFERRAL": "Customers who bring customers.",
        "SEARCH": "Advertisements in search engines.",
        "SOCIAL": "Social networks.",
    },
    "ChainProblem": {
        "CHANGED": "The entry is not what was sealed, and no redaction says why.",
        "MISSING": "The entry is gone, and retention did not remove it.",
        "EXTRA": "There is an entry that was never sealed, or not at its time.",
        "CHAIN": "The links do not follow one another, or do not reach a checkpoint.",
    },
    "ChangeOperation": {
        "CREATED": "It is new.",
        "UPDATED": "Its values are different.",
        "REASSIGNED": "It has another owner or pool.",
        "ARCHIVED": "It was put away.",
        "RESTORED": "It was brought back.",
        "LEFT": "It changed so that it does not match the subscription's filter any more.",
    },
    "ChannelKind": {
        "EMAIL": "An e-mail address.",
        "PHONE": "A phone number.",
        "WECHAT": "A WeChat id.",
        "WECOM": "A WeCom id.",
        "WHATSAPP": "A WhatsApp number.",
        "LINE": "A LINE id.",
        "TELEGRAM": "A Telegram name.",
        "OTHER": "Any other way.",
    },
    "ConsentStatus": {
        "UNKNOWN": "The person was not asked.",
        "GRANTED": "The person agreed.",
        "WITHDRAWN": "The person refused, or agrees no more.",
    },
    "CustomFieldType": {
        "BOOLEAN": "Yes or no.",
        "CHOICE": "One of the field's options.",
        "DATE": "A day.",
        "NUMBER": "A number.",
        "TEXT": "A text.",
    },
    "Direction": {
        "INBOUND": "The customer reached out to us.",
        "OUTBOUND": "We reached out to the customer.",
        "INTERNAL": "Among ourselves.",
    },
    "HandoverMethod": {
        "POLICY": "An assignment policy of a plugin decides.",
        "FOLLOW_ACCOUNT": "A lead or deal goes where its customer goes.",
        "COLLABORATOR": "Who works on it already gets it.",
        "BALANCE": "The books are as even as possible afterwards.",
        "SHARES": "Each gets a number of customers by shares.",
        "HAND": "A person chose.",
    },
    "HandoverOutcome": {
        "MOVED": "It changed hands.",
        "STALE": "It had changed hands since it was planned, or was closed, and was left alone.",
        "STAYED": "Nobody was chosen, and it stayed.",
        "RETURNED": "It changed hands, and went back.",
        "KEPT": "It changed hands, and stayed there when the hand-over was undone, because somebody had moved it on.",
    },
    "HandoverState": {
        "DRAFT": "It can be changed; nothing changed hands yet.",
        "EXECUTED": "The records changed hands.",
        "UNDONE": "The records went back.",
        "CANCELLED": "It was given up before anything changed hands.",
    },
    "Interest": {"COLD": "Little.", "WARM": "Some.", "HOT": "Much."},
    "JobState": {
        "QUEUED": "It waits for its turn.",
        "RUNNING": "It is being done.",
        "DONE": "It ended well.",
        "FAILED": "It ended with an error.",
        "CANCELLED": "Somebody stopped it.",
    },
    "LeadStatus": {
        "NEW": "Nobody has worked on it yet.",
        "WORKING": "Somebody works on it.",
        "NURTURING": "Not now; it is kept warm for later.",
        "UNQUALIFIED": "It will not become a customer.",
        "CONVERTED": "It became an account.",
    },
    "LifecycleStage": {
        "PROSPECT": "Not a customer yet.",
        "CUSTOMER": "A customer.",
        "FORMER_CUSTOMER": "A customer no more.",
        "PARTNER": "Somebody we sell with.",
    },
    "OrderDirection": {
        "ASC": "The smallest, the earliest, or the first letters of the alphabet first.",
        "DESC": "The largest, the latest, or the last letters of the alphabet first.",
    },
    "OrderKind": {"QUOTE": "An offer.", "CONTRACT": "A signed agreement.", "ORDER": "An order."},
    "OrderStatus": {
        "DRAFT": "Not sent to the customer yet.",
        "ISSUED": "Sent; the customer has not answered.",
        "ACCEPTED": "The customer agreed.",
        "FULFILLED": "All of it was delivered.",
        "CANCELLED": "Called off.",
        "EXPIRED": "The customer did not answer in time.",
    },
    "FieldEffect": {
        "HIDE": "Nothing: the field looks empty.",
        "MASK": "A part, such as 138****5678 or l***@example.com.",
    },
    "OwnershipReason": {
        "CREATED": "The record was made with this holder.",
        "IMPORTED": "An import brought the record with this holder.",
        "ASSIGNED": "A policy decided.",
        "MANUAL": "A person decided.",
        "RELEASED": "It was given back to a pool.",
        "CONVERTED": "The lead it came from had this holder.",
        "MERGED": "It was merged into another record and follows its holder.",
        "UNMERGED": "Its merge was undone, and it went back to its former holder.",
        "CLAIMED": "Somebody claimed it from a pool.",
        "RETURNED": "Its owner gave it back to a pool.",
        "RECLAIMED": "A rule of a pool took it back.",
        "OFFER_ACCEPTED": "It was offered to several people, and this one accepted first.",
        "DRAWN": "Several people claimed it, and lots were drawn.",
        "HANDED_OVER": "A hand-over gave it on with the rest of somebody's book.",
        "HANDOVER_UNDONE": "A hand-over was undone, and it went back to its former holder.",
        "RULED": "A conflict about it was decided.",
        "APPEALED": "A decision of a conflict about it was changed on appeal.",
    },
    "OfferState": {
        "OPEN": "It can be accepted.",
        "ACCEPTED": "Somebody accepted first and got the record.",
        "DECLINED": "Everybody declined.",
        "EXPIRED": "Nobody accepted in time.",
    },
    "PoolRole": {
        "MEMBER": "May claim from the pool.",
        "MANAGER": "Manages the pool, and may also claim from it.",
    },
    "VisibilityLevel": {
        "NONE": "No records.",
        "OWN": "One's own, those one works on with others, and those of the pools that one may use.",
        "TEAM": "Also those of the people in one's team, in the teams under it, and of one's direct reports.",
        "REGION": "Also those of the regions that one is responsible for.",
        "ALL": "Every record.",
    },
    "Priority": {
        "LOW": "It can wait.",
        "NORMAL": "In its turn.",
        "HIGH": "Before others.",
        "URGENT": "At once.",
    },
    "Role": {
        "ADMIN": "May do everything in the tenant.",
        "MANAGER": "May change all records, and who owns them.",
        "REP": "Works with customers.",
        "READ_ONLY": "May look, and change nothing.",
    },
    "SealKind": {
        "AUDIT": "An entry of the journal.",
        "LEDGER": "A line of the ledger.",
        "REDACTION": "The redaction of an entry.",
        "RETENTION": "The removal of old entries.",
    },
    "SignalKind": {
        "SHAM_FOLLOW_UP": "Follow-ups without substance just before records would have come back to the pool.",
        "RETURN_AND_CLAIM": "The same person gives a record back and takes it again.",
        "PARKING": "A colleague holds a record for a while without doing anything, and gives way again.",
        "LOOKING_ONLY": "Somebody looks into many records of a pool and claims hardly any.",
    },
    "SignalState": {
        "OPEN": "Nobody judged it.",
        "DISMISSED": "Somebody looked, and it is nothing.",
        "CONFIRMED": "Somebody looked, and it is what it seems.",
    },
    "StageKind": {
        "OPEN": "The deal goes on.",
        "WON": "The deal was made.",
        "LOST": "The deal was not made.",
    },
    "RunOutcome": {
        "DONE": "All actions were done.",
        "FAILED": "The condition or an action failed; nothing of it stays.",
        "STOPPED": "Too many events led to each other; nothing was done.",
    },
    "SurveyKind": {
        "CSAT": "How content the customer was with one matter.",
        "NPS": "How likely the customer is to recommend us.",
    },
    "ThreatLevel": {"LOW": "Seldom in our way.", "MEDIUM": "Often in our way.", "HIGH": "Wins against us."},
    "TicketStatus": {
        "NEW": "Nobody has looked at it.",
        "OPEN": "Somebody works on it.",
        "PENDING": "It waits for the customer.",
        "RESOLVED": "It is solved, the customer may still object.",
        "CLOSED": "It is over.",
    },
    "Tier": {"A": "The most important customers.", "B": "Important customers.", "C": "All others."},
    "TimelineKind": {
        "ACTIVITY": "A call, a meeting, a message or another activity took place.",
        "STAGE_CHANGED": "A deal went to another stage.",
        "OWNER_CHANGED": "Somebody else, or a pool, got it.",
        "ORDER": "A quote, a contract or an order was placed.",
        "PAYMENT": "Money came in.",
        "REFUND": "Money was given back.",
        "TICKET_OPENED": "The customer asked for service.",
        "TICKET_RESOLVED": "A request for service was solved.",
        "TASK_CREATED": "Something is to be done.",
        "TASK_DONE": "It was done.",
        "SURVEY_ANSWERED": "The customer said what it thinks of us.",
        "FILE_ATTACHED": "A file was added.",
    },
    "Period": {
        "YESTERDAY": "The day before today.",
        "TODAY": "The day it is now.",
        "TOMORROW": "The day after today.",
        "LAST_WEEK": "The whole week before this one.",
        "THIS_WEEK": "The whole week it is now.",
        "NEXT_WEEK": "The whole week after this one.",
        "LAST_MONTH": "The whole month before this one.",
        "THIS_MONTH": "The whole month it is now.",
        "NEXT_MONTH": "The whole month after this one.",
        "LAST_QUARTER": "The whole quarter before this one.",
        "THIS_QUARTER": "The whole quarter it is now.",
        "NEXT_QUARTER": "The whole quarter after this one.",
        "LAST_YEAR": "The whole year before this one.",
        "THIS_YEAR": "The whole year it is now.",
        "NEXT_YEAR": "The whole year after this one.",
    },
    "PluginState": {
        "ENABLED": "It is called.",
        "DISABLED": "The tenant does not use it.",
        "SUSPENDED": "It failed too often and is not called until an admin enables it again.",
        "BROKEN": "It is installed, but cannot be used by anybody.",
        "MISSING": "The tenant uses it, but it is not installed any more.",
        "SETTINGS_INVALID": "It is not called until its settings are mended.",
        "SETTINGS_NEWER": "It is not called: its settings were stored by a newer release.",
    },
    "UserLevel": {"JUNIOR": "Learns the trade.", "SENIOR": "Knows the trade.", "EXPERT": "Helps the others."},
}


def describe_values(schema: GraphQLSchema) -> None:
    """Give the values of all enums their descriptions, where their declaration gives none."""
    entities = {snake(name).upper(): f"{plural(name)}." for name in TYPES}
    for kind in schema.type_map.values():
        if not isinstance(kind, GraphQLEnumType) or kind.name.startswith("__"):
            continue
        known = VALUES.get(kind.name) or _columns(kind.name)
        if not known and kind.values.keys() <= entities.keys():
            known = entities
        for name, value in kind.values.items():
            value.description = value.description or known.get(name)


def _columns(name: str) -> dict[str, str]:
    """What the columns mean that records of a type can be ordered by."""
    item = TYPES.get(name.removesuffix("OrderField")) if name.endswith("OrderField") else None
    return {column.name.upper(): column.description for column in item.columns.values()} if item else {}
