"""What the columns of a file are called, in English and Chinese."""

from __future__ import annotations

ZH: dict[str, str] = {
    "id": "编号", "created_at": "创建时间", "updated_at": "更新时间", "version": "版本", "archived_at": "归档时间",
    "held_since": "持有起始时间", "name": "名称", "also_names": "其他名称", "kind": "类型", "industry": "行业",
    "region": "地区", "country": "国家", "size": "规模", "employees": "员工数", "founded_year": "成立年份",
    "tier": "级别", "lifecycle_stage": "客户阶段", "source": "来源", "website": "网站", "phone": "电话",
    "tax_id": "税号", "addresses": "地址", "annual_revenue": "年收入", "annual_revenue_currency": "年收入币种",
    "product_line": "产品线", "owner": "负责人", "pool": "公海", "parent": "上级客户", "merged_into": "合并至",
    "first_name": "名", "last_name": "姓", "title": "职务", "department": "部门", "language": "语言",
    "is_primary": "主要联系人", "account": "客户", "contact": "联系人", "email_consent": "邮件许可",
    "phone_consent": "电话许可", "messaging_consent": "消息许可", "consent_source": "许可来源",
    "consent_at": "许可时间", "company": "公司", "email": "邮箱", "wechat": "微信", "wecom": "企业微信", "city": "城市",
    "campaign": "市场活动", "status": "状态", "interest": "意向", "product_interest": "意向产品",
    "value_estimate": "预估金额", "value_currency": "预估币种", "notes": "备注", "converted_at": "转化时间",
    "converted_account": "转化客户", "converted_contact": "转化联系人", "converted_opportunity": "转化商机",
    "pipeline": "销售流程", "stage": "阶段", "amount": "金额", "currency": "币种", "expected_close": "预计成交日",
    "opened_on": "开始日期", "closed_on": "关闭日期", "lost_reason": "输单原因", "next_step": "下一步",
    "next_step_due": "下一步期限", "stage_entered_at": "进入阶段时间", "number": "单号", "opportunity": "商机",
    "total": "总额", "valid_until": "有效期至", "ordered_on": "下单日期", "order": "订单", "paid_at": "回款时间",
    "method": "方式", "reference": "凭证号", "refund_of": "退款对应", "subject": "主题", "body": "内容",
    "direction": "方向", "occurred_at": "发生时间", "duration_minutes": "时长（分钟）", "outcome": "结果",
    "author": "记录人", "lead": "线索", "due_at": "到期时间", "done_at": "完成时间", "assignee": "执行人",
    "priority": "优先级", "description": "描述", "category": "类别", "opened_at": "提交时间",
    "resolved_at": "解决时间", "first_response_at": "首次响应时间", "score": "评分", "comment": "评语",
    "satisfaction": "满意度", "next_step_on": "下一步日期", "valid_from": "有效期自", "remind_at": "提醒时间",
    "placed_on": "下单日期", "answered_at": "回答时间", "ticket": "工单",
}  # fmt: skip
"""By the name of the column, or of what it refers to."""


def header(name: str, language: str) -> str:
    """What a column is called; in Chinese the English words where there are no better ones."""
    if language == "zh" and name in ZH:
        return ZH[name]
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
