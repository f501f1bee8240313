"""The catalogue of entities: what actions, imports and the API can be asked to do with each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evenhand import entities as e
from evenhand.approvals.models import ApprovalPolicy, Deputy
from evenhand.auth.fields.models import ExportRight, FieldRule
from evenhand.automation.models import AutomationRule
from evenhand.entities.ownable import OwnableModel
from evenhand.entities.searchable import Searchable
from evenhand.errors import EvenhandError
from evenhand.ownership.clocks.models import Holiday
from evenhand.ownership.models import Pool
from evenhand.ownership.pools.models import PoolMember, PoolRule
from evenhand.ownership.visibility.models import VisibilityRule
from evenhand.tenancy.models import RecordModel, TenantModel

SYSTEM_COLUMNS = frozenset({"id", "tenant_id", "created_at", "updated_at", "version", "archived_at", "held_since"})


class UnknownEntity(EvenhandError):
    """A name that is no entity."""

    code = "UNKNOWN_ENTITY"


@dataclass(frozen=True)
class Child:
    """Rows that belong to one record and are written with it, as a whole list.

    Attributes:
        key: the name of the list in a draft, e.g. "lines".
        parent: the child's column that names the record, e.g. "order_id".
    """

    key: str
    model: type[TenantModel]
    parent: str


@dataclass(frozen=True)
class Entity:
    """One kind of record.

    Attributes:
        name: as in the API, e.g. "Lead".
        managed: columns that only certain actions write, never a plain create or update.
        filled: columns that a draft may leave out although they are never empty; the action derives them.
        title: the column that people call it by.
    """

    name: str
    model: type[RecordModel]
    managed: frozenset[str] = frozenset()
    filled: frozenset[str] = frozenset()
    children: tuple[Child, ...] = ()
    title: str = "name"
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def ownable(self) -> bool:
        """Whether its records have an owner or wait in a pool."""
        return issubclass(self.model, OwnableModel)

    @property
    def search(self) -> Searchable | None:
        """By which texts its records are found; None when it is not searched."""
        declared: Searchable | None = getattr(self.model, "search", None)
        return declared

    @property
    def writable(self) -> frozenset[str]:
        """Columns that a plain create may set."""
        return frozenset(self.model._meta.fields_db_projection.values()) - SYSTEM_COLUMNS - self.managed

    @property
    def changeable(self) -> frozenset[str]:
        """Columns that a plain update may set: not the holder, who changes by `set_owner` only."""
        return self.writable - {"owner_id", "pool_id"} if self.ownable else self.writable


_CONVERSION = frozenset({"converted_at", "converted_account_id", "converted_contact_id", "converted_opportunity_id"})

ENTITIES: Mapping[str, Entity] = {
    entity.name: entity
    for entity in (
        Entity("Team", e.Team, labels={"en": "team", "zh": "团队"}),
        Entity("User", e.User, labels={"en": "user", "zh": "用户"}),
        Entity("Absence", e.Absence, title="starts_on", labels={"en": "absence", "zh": "缺勤"}),
        Entity("Pool", Pool, labels={"en": "pool", "zh": "公海"}),
        Entity("PoolMember", PoolMember, title="role", labels={"en": "pool member", "zh": "公海成员"}),
        Entity("PoolRule", PoolRule, labels={"en": "pool rule", "zh": "公海规则"}),
        Entity("Holiday", Holiday, labels={"en": "holiday", "zh": "节假日"}),
        Entity("Account", e.Account, managed=frozenset({"merged_into_id"}), labels={"en": "account", "zh": "客户"}),
        Entity(
            "Contact",
            e.Contact,
            children=(Child("channels", e.ContactChannel, "contact_id"),),
            labels={"en": "contact", "zh": "联系人"},
        ),
        Entity("Campaign", e.Campaign, labels={"en": "campaign", "zh": "市场活动"}),
        Entity("Lead", e.Lead, managed=_CONVERSION, labels={"en": "lead", "zh": "线索"}),
        Entity("Pipeline", e.Pipeline, labels={"en": "pipeline", "zh": "销售流程"}),
        Entity("Stage", e.Stage, labels={"en": "stage", "zh": "阶段"}),
        Entity(
            "Opportunity",
            e.Opportunity,
            managed=frozenset({"stage_entered_at"}),
            filled=frozenset({"currency", "pipeline_id", "stage_id"}),
            children=(
                Child("lines", e.OpportunityLine, "opportunity_id"),
                Child("competitors", e.OpportunityCompetitor, "opportunity_id"),
            ),
            labels={"en": "opportunity", "zh": "商机"},
        ),
        Entity("Competitor", e.Competitor, labels={"en": "competitor", "zh": "竞争对手"}),
        Entity("Product", e.Product, labels={"en": "product", "zh": "产品"}),
        Entity(
            "Order",
            e.Order,
            children=(Child("lines", e.OrderLine, "order_id"),),
            filled=frozenset({"currency", "total"}),
            title="number",
            labels={"en": "order", "zh": "订单"},
        ),
        Entity(
            "Payment",
            e.Payment,
            filled=frozenset({"currency", "paid_at"}),
            title="reference",
            labels={"en": "payment", "zh": "回款"},
        ),
        Entity(
            "Activity",
            e.Activity,
            filled=frozenset({"occurred_at"}),
            title="subject",
            labels={"en": "activity", "zh": "跟进"},
        ),
        Entity("Task", e.Task, title="subject", labels={"en": "task", "zh": "任务"}),
        Entity(
            "Ticket",
            e.Ticket,
            filled=frozenset({"opened_at"}),
            title="subject",
            labels={"en": "ticket", "zh": "工单"},
        ),
        Entity(
            "SurveyAnswer",
            e.SurveyAnswer,
            filled=frozenset({"answered_at"}),
            title="kind",
            labels={"en": "survey answer", "zh": "问卷回答"},
        ),
        Entity("Tag", e.Tag, labels={"en": "tag", "zh": "标签"}),
        Entity("CustomField", e.CustomField, title="key", labels={"en": "custom field", "zh": "自定义字段"}),
        Entity("ApprovalPolicy", ApprovalPolicy, labels={"en": "approval policy", "zh": "审批规则"}),
        Entity("Deputy", Deputy, title="note", labels={"en": "deputy", "zh": "代理人"}),
        Entity(
            "AutomationRule",
            AutomationRule,
            managed=frozenset({"key", "failures", "suspended_at", "suspended_reason"}),
            labels={"en": "automation rule", "zh": "自动化规则"},
        ),
        Entity(
            "VisibilityRule", VisibilityRule, title="entity", labels={"en": "visibility rule", "zh": "可见范围规则"}
        ),
        Entity("FieldRule", FieldRule, title="field", labels={"en": "field rule", "zh": "字段规则"}),
        Entity("ExportRight", ExportRight, title="note", labels={"en": "export right", "zh": "导出权限"}),
        Entity("Attachment", e.Attachment, title="file_name", labels={"en": "attachment", "zh": "附件"}),
    )
}
"""Every entity by its name, in an order in which references point backwards."""


def searchable() -> dict[str, Searchable]:
    """The entities that can be searched, by name."""
    return {kind.name: kind.search for kind in ENTITIES.values() if kind.search is not None}


def entity(name: str) -> Entity:
    """The entity called `name`, in any case ("lead", "Lead", "survey_answer", also plural "leads").

    Raises:
        UnknownEntity: naming what there is.
    """
    wanted = name.replace("_", "").replace("-", "").lower()
    for known in ENTITIES.values():
        singular = known.name.lower()
        plural = f"{singular[:-1]}ies" if singular.endswith("y") else f"{singular}s"
        if wanted in (singular, plural):
            return known
    raise UnknownEntity(f"There is no entity {name!r}.", hint=f"Use one of: {', '.join(ENTITIES)}.")
