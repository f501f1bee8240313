"""The words that files use, in English and Chinese: for headers, for choices, for yes and no, for nothing."""

from __future__ import annotations

from collections.abc import Mapping

MISSING = frozenset(
    {
        "n/a",
        "#n/a",
        "null",
        "nil",
        "(blank)",
        "-",
        "--",
        "---",
        "—",
        "——",
        "–",
        "?",
        "无",
        "空",
        "暂无",
        "(空)",
        "（空）",
    }
)
"""Words that stand for no value in any file, in small letters."""

TRUE_WORDS = frozenset(
    {"true", "yes", "y", "t", "1", "x", "on", "active", "✓", "√", "是", "对", "有", "真", "启用", "在职"}
)
FALSE_WORDS = frozenset(
    {"false", "no", "n", "f", "0", "off", "inactive", "✗", "×", "否", "错", "没有", "假", "停用", "离职"}
)


def _words(**values: str) -> dict[str, str]:
    return {word: value for value, words in values.items() for word in words.split("|")}


CHOICE_WORDS: Mapping[str, Mapping[str, str]] = {
    "kind": _words(
        company="企业|公司|机构|organization|organisation|business|corporate",
        person="个人|自然人|individual|consumer",
        call="电话|通话|phone call|phone",
        email="邮件|电子邮件|mail",
        meeting="会议|会面|约见|appointment",
        visit="拜访|上门|来访",
        message="消息|短信|微信|sms|chat",
        note="备注|记录",
        open="进行中",
        won="赢单|成交|closed won",
        lost="输单|丢单|closed lost",
        quote="报价|报价单|quotation",
        contract="合同",
        order="订单|sales order",
        vacation="年假|休假|leave|holiday",
        sick="病假|sick leave",
        training="培训",
    ),
    "size": _words(
        micro="微型|1-9|1-10",
        small="小型|小|10-49|11-50",
        medium="中型|中|50-249|51-200|mid-market|midmarket",
        large="大型|大|250-999|201-1000",
        enterprise="特大型|超大|集团|1000+|1001+",
    ),
    "tier": _words(a="a级|a类|重点|vip|gold|金牌", b="b级|b类|silver|银牌", c="c级|c类|普通|bronze|铜牌"),
    "lifecycle_stage": _words(
        prospect="潜在客户|潜客|意向客户|lead|opportunity|target",
        customer="客户|正式客户|成交客户|已成交|client|active customer|customer - direct|customer - channel",
        former_customer="流失客户|已流失|former|lost customer|churned",
        partner="合作伙伴|伙伴|渠道|reseller|channel partner",
    ),
    "status": _words(
        new="新建|新线索|未处理|待跟进|open - not contacted|not contacted|未联系",
        working="跟进中|处理中|working - contacted|contacted|in progress|open|已联系|联系中",
        nurturing="培育中|培育|孵化|nurture|attempted to contact",
        unqualified="无效|不合格|已关闭|closed - not converted|disqualified|junk|junk lead|lost|bad timing",
        converted="已转化|已转换|已转客户|closed - converted|qualified",
        draft="草稿",
        issued="已发出|已发送|sent",
        accepted="已接受|已签约|signed",
        fulfilled="已完成|已交付|done|completed",
        cancelled="已取消|作废|canceled",
        expired="已过期|过期",
        pending="待处理|挂起|waiting|waiting on us|waiting on contact",
        resolved="已解决|solved",
        closed="关闭",
    ),
    "interest": _words(cold="低|冷|low|c", warm="中|温|medium|一般|b", hot="高|热|high|强烈|a"),
    "priority": _words(low="低", normal="中|普通|medium|一般", high="高|重要", urgent="紧急|critical|非常紧急"),
    "role": _words(
        admin="管理员|administrator|系统管理员",
        manager="经理|主管|销售经理|sales manager|team lead|总监|director",
        rep="销售|业务员|销售代表|sales rep|sales|sales agent|agent|顾问|account executive",
        read_only="只读|read only|viewer|观察员",
    ),
    "level": _words(junior="初级|新人", senior="高级|资深|中级|mid", expert="专家|lead"),
    "email_consent": _words(
        granted="是|yes|同意|opt-in|opted in|订阅", withdrawn="否|no|拒绝|退订|opt-out|opted out", unknown="未知"
    ),
    "phone_consent": _words(
        granted="是|yes|同意|opt-in|opted in", withdrawn="否|no|拒绝|opt-out|opted out", unknown="未知"
    ),
    "messaging_consent": _words(
        granted="是|yes|同意|opt-in|opted in", withdrawn="否|no|拒绝|opt-out|opted out", unknown="未知"
    ),
    "channel": _words(
        email="邮件|edm|newsletter",
        search="搜索|sem|seo|google ads|百度",
        social="社交|社交媒体|social media|微信|抖音",
        display="展示广告|banner|display ads",
        event="活动|展会|会议|conference|trade show|webinar|seminar",
        referral="转介绍|推荐|referral program|partner",
        content="内容|blog|whitepaper",
        other="其他|其它|telemarketing|direct mail",
    ),
    "direction": _words(inbound="呼入|来电|incoming|in", outbound="呼出|去电|outgoing|out", internal="内部"),
}
"""Field to word (in small letters) to stored value; a reader takes only values that the field allows."""

_COMMON = {
    "external_id": "id|record id|external id|编号|外部编号|外部id|记录id",
    "owner": "owner|record owner|owner name|负责人|所有人|归属人|跟进人"
    "|业务员|销售负责人|销售|sales rep|sales agent|salesperson"
    "|account manager|assigned to|客户经理",
}
HEADER_WORDS: Mapping[str, Mapping[str, str]] = {
    "Account": {
        **_COMMON,
        "external_id": _COMMON["external_id"] + "|account id|company id|customer id|客户编号|客户id|客户代码",
        "owner": _COMMON["owner"] + "|account owner|company owner",
        "name": "name|account|account name|company|company name|customer|customer name|organization|organisation"
        "|客户名称|客户|公司|公司名称|企业名称|单位名称|名称|客户名",
        "also_names": "also known as|aliases|alias|other names|legal name|别名|曾用名|简称|英文名称|英文名",
        "kind": "kind|account kind|customer kind|客户类型|客户性质",
        "industry": "industry|sector|vertical|行业|所属行业|行业类别",
        "region": "region|territory|area|state|state/region|province|billing state|地区|区域|大区|省份|省|所在地区",
        "country": "country|office location|headquarters|billing country|国家|国家/地区|所在国家",
        "size": "size|company size|规模|企业规模|公司规模",
        "employees": "employees|number of employees|headcount|staff|no of employees|人数|员工数|员工人数|职工人数",
        "founded_year": "founded|year established|founded year|established|成立年份|成立时间|创立年份",
        "tier": "tier|account tier|客户级别|级别|等级|客户等级|分级",
        "lifecycle_stage": "lifecycle stage|type|account type|stage|客户阶段|生命周期|客户状态",
        "source": "source|account source|lead source|来源|客户来源",
        "website": "website|web site|url|homepage|company domain name|domain|网址|网站|官网|公司网址",
        "phone": "phone|telephone|phone number|main phone|tel|电话|联系电话|公司电话|座机",
        "tax_id": "tax id|vat|vat number|tax number|税号|统一社会信用代码|纳税人识别号|社会信用代码",
        "annual_revenue": "revenue|annual revenue|turnover|sales|年收入|年营业额|营业额|年产值|营收",
        "annual_revenue_currency": "revenue currency|currency|币种|货币",
        "parent": "parent|parent account|parent company|subsidiary of|母公司|上级客户|上级公司|集团",
        "address": "address|street|street address|billing street|billing address|地址|详细地址|公司地址|通讯地址",
        "city": "city|billing city|town|城市|市|所在城市",
        "postal_code": "postal code|zip|zip code|postcode|billing postal code|邮编|邮政编码",
    },
    "Contact": {
        "external_id": _COMMON["external_id"] + "|contact id|person id|联系人编号|联系人id",
        "name": "name|full name|contact|contact name|display name|姓名|联系人|联系人姓名|名称",
        "first_name": "first name|given name|forename|名|名字",
        "last_name": "last name|surname|family name|姓|姓氏",
        "title": "title|job title|position|role|职位|职务|头衔|岗位",
        "department": "department|dept|部门",
        "language": "language|语言|语种",
        "is_primary": "primary|is primary|primary contact|主要联系人|首要联系人|是否主联系人",
        "account": "account|account name|company|company name|organization|organisation|customer|account id"
        "|associated company"
        "|客户|客户名称|公司|公司名称|所属客户|所属公司|单位",
        "email": "email|e mail|e mail address|email address|primary email|mail"
        "|work email|邮箱|电子邮箱|邮件|电子邮件|邮箱地址",
        "email_2": "e mail 2 address|secondary email|email 2|other email|备用邮箱|邮箱2",
        "phone": "phone|telephone|phone number|work phone|business phone|tel|office phone|电话|联系电话|座机|办公电话",
        "mobile": "mobile|mobile phone|mobile number|cell|cell phone"
        "|mobile phone number|手机|手机号|手机号码|移动电话|联系手机",
        "wechat": "wechat|wechat id|weixin|微信|微信号",
        "wecom": "wecom|企业微信|企微",
        "whatsapp": "whatsapp|whats app",
        "line": "line|line id",
        "telegram": "telegram",
        "email_consent": "email consent|email opt in|邮件同意|邮件授权|邮件订阅",
        "phone_consent": "phone consent|call consent|电话同意|电话授权",
        "messaging_consent": "sms consent|messaging consent|短信同意|消息授权",
    },
    "Lead": {
        **_COMMON,
        "external_id": _COMMON["external_id"] + "|lead id|prospect id|线索编号|线索id",
        "owner": _COMMON["owner"] + "|lead owner",
        "number": "lead number|lead no|number|线索号|序号",
        "name": "name|lead|lead name|full name|contact|contact name|姓名|联系人|线索名称|客户姓名|名称",
        "first_name": "first name|given name|名|名字",
        "last_name": "last name|surname|family name|姓|姓氏",
        "company": "company|company name|organization|organisation|account name"
        "|公司|公司名称|单位|企业名称|客户名称|所属公司",
        "title": "title|job title|position|occupation|职位|职务|头衔",
        "email": "email|e mail|email address|e mail address|mail|邮箱|电子邮箱|邮件|电子邮件",
        "phone": "phone|mobile|mobile phone|phone number|mobile number|telephone|tel"
        "|cell phone|手机|手机号|手机号码|电话|联系电话|联系方式",
        "wechat": "wechat|wechat id|weixin|微信|微信号",
        "industry": "industry|sector|行业|所属行业",
        "region": "region|state|province|territory|state/region|地区|区域|省份|省|大区",
        "country": "country|国家|国家/地区",
        "city": "city|town|城市|市|所在城市",
        "language": "language|语言",
        "source": "source|lead source|channel|来源|线索来源|渠道|来源渠道",
        "campaign": "campaign|campaign name|市场活动|活动|推广活动",
        "status": "status|lead status|状态|线索状态|跟进状态",
        "interest": "interest|rating|lead rating|temperature|意向|意向程度|意向度|热度",
        "product_interest": "product|product interest|interested in|意向产品|感兴趣产品|产品",
        "value_estimate": "value|estimated value|budget|amount|expected revenue|预算|预计金额|估值|意向金额",
        "value_currency": "currency|value currency|币种|货币",
        "notes": "notes|note|description|comment|comments|remark|备注|描述|说明|留言|需求描述",
        "account": "customer|existing customer|account|已有客户|关联客户",
    },
    "Opportunity": {
        **_COMMON,
        "external_id": _COMMON["external_id"] + "|opportunity id|deal id|商机编号|商机id|订单编号",
        "owner": _COMMON["owner"] + "|opportunity owner|deal owner",
        "name": "name|opportunity|opportunity name|deal|deal name|title|商机名称|商机|项目名称|机会名称|名称",
        "account": "account|account name|company|company name|customer|customer name|organization"
        "|account id|associated company"
        "|客户|客户名称|公司|公司名称|所属客户",
        "contact": "contact|contact name|contact person|associated contact|associated contact email|联系人|联系人姓名",
        "pipeline": "pipeline|sales pipeline|销售流程|销售管道|管道",
        "stage": "stage|deal stage|stage name|sales stage|status|阶段|销售阶段|商机阶段|状态",
        "amount": "amount|value|deal value|close value|deal amount"
        "|opportunity amount|金额|商机金额|预计金额|成交金额|销售金额",
        "currency": "currency|deal currency|币种|货币",
        "opened_on": "opened on|open date|engage date|created date|create date"
        "|date opened|created|创建日期|创建时间|开始日期|立项日期",
        "expected_close": "expected close|expected close date|estimated close date"
        "|预计成交日期|预计签单日期|预计结单日期|预计成交时间",
        "closed_on": "close date|closed on|closed date|won date|actual close date|成交日期|结单日期|关闭日期|赢单日期",
        "next_step": "next step|next steps|下一步|下一步计划|后续计划",
        "next_step_on": "next step date|next step on|下次跟进日期|下次跟进时间",
        "lost_reason": "lost reason|loss reason|closed lost reason|reason lost|输单原因|丢单原因|失败原因",
        "source": "source|lead source|deal source|来源|商机来源",
        "campaign": "campaign|campaign name|市场活动",
        "product": "product|product name|item|产品|产品名称|意向产品|商品",
        "quantity": "quantity|qty|数量|件数",
        "unit_price": "unit price|price|单价|价格",
    },
    "Product": {
        "external_id": "id|product id|record id|产品id|外部编号",
        "code": "code|product code|sku|item number|part number|产品编码|产品编号|编码|货号|料号",
        "name": "name|product|product name|item|产品名称|产品|名称|商品名称|品名",
        "family": "family|series|product family|product line|系列|产品系列|产品线|产品族",
        "category": "category|type|product category|product type|类别|产品类别|分类|产品分类",
        "description": "description|details|描述|说明|产品描述|产品说明",
        "list_price": "price|list price|sales price|unit price|retail price|单价|价格|标价|售价|零售价|目录价",
        "currency": "currency|币种|货币",
        "is_active": "active|is active|enabled|启用|是否启用|在售|是否在售",
    },
    "User": {
        "external_id": "id|user id|employee id|employee number|staff id|record id|工号|员工编号|用户编号|用户id",
        "name": "name|user|user name|full name|employee|sales agent|agent"
        "|sales rep|salesperson|姓名|用户|员工|员工姓名|销售|业务员",
        "first_name": "first name|given name|名|名字",
        "last_name": "last name|surname|family name|姓|姓氏",
        "email": "email|e mail|email address|mail|邮箱|电子邮箱|邮件",
        "title": "title|job title|position|职位|职务|头衔",
        "role": "role|permission|角色|权限",
        "team": "team|department|group|office|团队|部门|小组|分公司",
        "team,regions": "regional office|region office|区域办公室|大区办",
        "manager": "manager|reports to|supervisor|sales manager|boss|上级|直属上级|经理|主管|汇报对象",
        "level": "level|seniority|级别|职级",
        "skills": "skills|skill|expertise|技能|专长|擅长",
        "regions": "region|regions|territory|territories|area|区域|负责区域|地区|大区",
        "languages": "language|languages|语言|语种",
        "is_active": "active|is active|enabled|status|在职|是否在职|启用|状态",
    },
}
"""Entity to field to its headers, normalised and separated by |."""

_ISO_4217 = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD
CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP
GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD
KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN
NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP
SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV
WST XAF XCD XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_ISO_4217.split())
"""The letters of ISO 4217."""
