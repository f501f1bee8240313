"""Names of people and companies in Chinese and English, combined from short lists of our own."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

# Character and its pinyin, for the Latin form that e-mail addresses need.
SURNAMES = [
    "王wang",
    "李li",
    "张zhang",
    "刘liu",
    "陈chen",
    "杨yang",
    "赵zhao",
    "黄huang",
    "周zhou",
    "吴wu",
    "徐xu",
    "孙sun",
    "胡hu",
    "朱zhu",
    "高gao",
    "林lin",
    "何he",
    "郭guo",
    "马ma",
    "罗luo",
    "梁liang",
    "宋song",
    "郑zheng",
    "谢xie",
    "韩han",
    "唐tang",
    "冯feng",
    "于yu",
    "董dong",
    "萧xiao",
    "程cheng",
    "曹cao",
    "袁yuan",
    "邓deng",
    "许xu",
    "傅fu",
    "沈shen",
    "曾zeng",
    "彭peng",
    "吕lv",
    "欧阳ouyang",
    "诸葛zhuge",
]
GIVEN = [
    "思si",
    "远yuan",
    "雨yu",
    "桐tong",
    "子zi",
    "涵han",
    "嘉jia",
    "怡yi",
    "文wen",
    "博bo",
    "晓xiao",
    "明ming",
    "志zhi",
    "强qiang",
    "海hai",
    "燕yan",
    "建jian",
    "国guo",
    "丽li",
    "华hua",
    "俊jun",
    "杰jie",
    "静jing",
    "雪xue",
    "晨chen",
    "宇yu",
    "欣xin",
    "然ran",
    "梓zi",
    "睿rui",
    "天tian",
    "佑you",
    "若ruo",
    "曦xi",
    "永yong",
    "康kang",
    "春chun",
    "梅mei",
    "振zhen",
    "东dong",
    "秀xiu",
    "英ying",
    "浩hao",
    "宁ning",
    "诗shi",
    "琪qi",
    "立li",
    "诚cheng",
    "佳jia",
    "慧hui",
]
BRANDS = [
    "恒heng",
    "拓tuo",
    "瑞rui",
    "成cheng",
    "鼎ding",
    "盛sheng",
    "启qi",
    "航hang",
    "汇hui",
    "川chuan",
    "凌ling",
    "越yue",
    "博bo",
    "立li",
    "金jin",
    "泰tai",
    "新xin",
    "科ke",
    "明ming",
    "达da",
    "云yun",
    "帆fan",
    "宏hong",
    "图tu",
    "中zhong",
    "联lian",
    "德de",
    "润run",
    "锐rui",
    "锋feng",
    "同tong",
    "创chuang",
    "佳jia",
    "禾he",
]
FIRST = [
    "Amelia",
    "Oliver",
    "Grace",
    "Harry",
    "Isla",
    "Jack",
    "Freya",
    "Noah",
    "Ruby",
    "Leo",
    "Priya",
    "Arjun",
    "Zara",
    "Omar",
    "Chloe",
    "Ethan",
    "Niamh",
    "Callum",
    "Megan",
    "Rhys",
    "Hannah",
    "Thomas",
    "Nadia",
    "Samuel",
    "Elena",
    "Marcus",
    "Ingrid",
    "Felix",
    "Aisha",
    "Daniel",
    "Louise",
    "Victor",
    "Tessa",
    "Gareth",
    "Bethan",
    "Idris",
    "Clara",
    "Hugo",
    "Maya",
    "Edmund",
]
LAST = [
    "Ashworth",
    "Barlow",
    "Carver",
    "Dunmore",
    "Ellison",
    "Fairley",
    "Garnett",
    "Hollis",
    "Irving",
    "Jessop",
    "Kendrick",
    "Langley",
    "Mercer",
    "Norwood",
    "Okafor",
    "Pemberton",
    "Quayle",
    "Radford",
    "Shah",
    "Thorne",
    "Underhill",
    "Vance",
    "Whitlock",
    "Yates",
    "Ahmed",
    "Byrne",
    "Campbell",
    "Dhillon",
    "Evans",
    "Fraser",
    "Griffiths",
    "Hughes",
    "Kowalski",
    "Lindqvist",
    "MacLeod",
    "Novak",
    "Osei",
    "Patel",
    "Reid",
    "Sinclair",
]
BRAND_START = [
    "Alder",
    "Birch",
    "Cinder",
    "Dun",
    "Elder",
    "Fern",
    "Glen",
    "Hazel",
    "Iron",
    "Kings",
    "Lark",
    "Marl",
    "Nether",
    "Oak",
    "Pen",
    "Quarry",
    "Rook",
    "Sedge",
    "Tarn",
    "Under",
    "Vale",
    "Wick",
    "Yar",
]
BRAND_END = ["brook", "field", "gate", "ford", "well", "combe", "ridge", "moor", "stead", "worth", "holme", "wick"]


@dataclass(frozen=True)
class Person:
    """A made-up person. `latin` is the part of an e-mail address before the @."""

    name: str
    first: str
    last: str
    latin: str
    language: str


@dataclass(frozen=True)
class Company:
    """A made-up company. `domain` is under .example, which no registry sells."""

    name: str
    also_names: tuple[str, ...]
    domain: str
    language: str


def _split(word: str) -> tuple[str, str]:
    """Characters and pinyin of "欧阳ouyang"."""
    characters = "".join(letter for letter in word if not letter.isascii())
    return characters, word[len(characters) :]


def chinese_person(rng: Random) -> Person:
    """A Chinese name with its pinyin."""
    last, last_pinyin = _split(rng.choice(SURNAMES))
    given = [_split(word) for word in rng.sample(GIVEN, k=rng.choice((1, 2, 2, 2)))]
    first = "".join(characters for characters, _ in given)
    latin = "".join(pinyin for _, pinyin in given)
    return Person(last + first, first, last, f"{latin}.{last_pinyin}", "zh-CN")


def english_person(rng: Random) -> Person:
    """An English name; some have two family names."""
    first, last = rng.choice(FIRST), rng.choice(LAST)
    if rng.random() < 0.05:
        last = f"{last}-{rng.choice(LAST)}"
    return Person(f"{first} {last}", first, last, f"{first}.{last}".lower(), "en")


def person(rng: Random, language: str) -> Person:
    """A person whose name is in `language` ("zh…" or other)."""
    return chinese_person(rng) if language.startswith("zh") else english_person(rng)


def company(rng: Random, language: str, city: str, trade: str) -> Company:
    """A company of a trade ("精密机械", "Logistics"); Chinese ones also have a Latin name."""
    if language.startswith("zh"):
        words = [_split(word) for word in rng.sample(BRANDS, k=2)]
        brand = "".join(characters for characters, _ in words)
        latin = "".join(pinyin for _, pinyin in words)
        kind = rng.choice(("有限公司", "有限公司", "股份有限公司", "集团有限公司"))
        return Company(f"{city}{brand}{trade}{kind}", (brand + trade, latin.capitalize()), f"{latin}.example", "zh-CN")
    brand = rng.choice(BRAND_START) + rng.choice(BRAND_END)
    ending = rng.choice(("Ltd", "Ltd", "plc", "Group", "Partners LLP"))
    return Company(f"{brand} {trade} {ending}", (brand,), f"{brand.lower()}.example", "en")


def phone(rng: Random, language: str, *, mobile: bool = True) -> str:
    """A number that nobody has: Ofcom's numbers for drama; in China, starts that no carrier is given."""
    number = rng.randrange(1000)
    if language.startswith("zh"):
        return f"+86 100 0555 {rng.randrange(10000):04}" if mobile else f"+86 21 0555 {number:04}"
    return f"+44 7700 900{number:03}" if mobile else f"+44 20 7946 0{number:03}"
