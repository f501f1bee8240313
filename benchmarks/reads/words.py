"""The words of the generated data: the demo's names, and a few lists of their own."""

from evenhand.demo.names import BRAND_END, BRAND_START, BRANDS, FIRST, GIVEN, LAST, SURNAMES


def _characters(words: list[str]) -> list[str]:
    """The Chinese part of words such as "王wang"."""
    return ["".join(letter for letter in word if not letter.isascii()) for word in words]


def _latin(words: list[str]) -> list[str]:
    return ["".join(letter for letter in word if letter.isascii()) for word in words]


SURNAME, SURNAME_LATIN = _characters(SURNAMES), _latin(SURNAMES)
GIVEN_NAME, GIVEN_LATIN = _characters(GIVEN), _latin(GIVEN)
FIRST_NAME, LAST_NAME = FIRST, LAST
BRAND, BRAND_LATIN = _characters(BRANDS), _latin(BRANDS)
BRAND_HEAD, BRAND_TAIL = BRAND_START, BRAND_END

REGIONS = ["华东", "华南", "华北", "西南", "North", "South", "East", "West"]
CITIES = ["上海", "深圳", "北京", "成都", "杭州", "苏州", "武汉", "青岛"]
INDUSTRIES = ["manufacturing", "retail", "software", "logistics", "healthcare", "construction", "education", "finance"]
"""From the most frequent to the rarest."""
TRADES = ["精密机械", "软件", "物流", "新能源", "医疗器械", "包装"]
ENDINGS = ["Ltd", "plc", "Group", "Partners LLP", "Logistics Ltd", "Systems Ltd"]
TITLES = ["CEO", "CTO", "Head of Purchasing", "IT Manager", "采购经理", "总经理", "财务总监", "Engineer"]
SUBJECTS = [
    "Follow-up call",
    "Sent the quote",
    "Demo of the new release",
    "拜访客户",
    "电话跟进",
    "Contract questions",
    "发送报价单",
    "Delivery date",
    "技术交流",
    "Renewal",
]
PROBLEMS = ["Cannot log in", "发票开错了", "Delivery is late", "Export fails", "系统很慢", "Wrong amount"]
TAGS = ["VIP", "重点客户", "partner", "at risk", "new", "续约", "export", "trade fair", "政府", "OEM", "pilot", "press"]
STAGES = [
    ("Qualification", 10, "open"),
    ("Needs", 25, "open"),
    ("报价", 50, "open"),
    ("Negotiation", 75, "open"),
    ("Won", 100, "won"),
    ("Lost", 0, "lost"),
]
