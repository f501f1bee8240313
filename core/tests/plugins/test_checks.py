"""What keeps an installed plugin from being used is reported with a code and words; the others work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from evenhand.plugins.hooks import hookimpl
from evenhand.plugins.host import PluginHost
from evenhand.plugins.loader import GROUP, Discovered, check_tables, discover
from evenhand.plugins.manifest import JobSpec, PluginManifest

MODELS = """
from tortoise import fields
from tortoise.models import Model
from evenhand.api import TenantModel

class Note(TenantModel):
    text = fields.TextField()
    class Meta:
        table = "{table}"
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for modules of plugins; what was imported from it is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("shop_"):
            del sys.modules[name]


def manifest(slug: str = "one", **facts: Any) -> PluginManifest:
    return PluginManifest(**{"slug": slug, "title": {"en": slug}, "api": "", "hooks": "nowhere:nothing", **facts})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("import sys; sys.exit(3)", "IMPORT_FAILED"),
        ("raise GeneratorExit", "IMPORT_FAILED"),
        ("def f(: pass", "IMPORT_FAILED"),
        ("def f(): f()\nf()", "IMPORT_FAILED"),
        ("from evenhand.api import PluginManifest\nMANIFEST = PluginManifest(slug='A b')", "BAD_MANIFEST"),
        ("MANIFEST = {'slug': 'one'}", "NOT_A_MANIFEST"),
        ("class Odd:\n  def __getattr__(self, name): raise SystemExit\nMANIFEST = Odd()", "NOT_A_MANIFEST"),
        (
            "from evenhand.api import PluginManifest\n"
            "MANIFEST = PluginManifest(slug='core', title={}, api='', hooks='a:b')",
            "WRONG_NAME",
        ),
        (
            "from evenhand.api import PluginManifest\n"
            "MANIFEST = PluginManifest(slug='one', title={}, api='>=9', hooks='a:b')",
            "WRONG_API_VERSION",
        ),
    ],
)
def test_what_cannot_be_imported_is_reported(shop: Path, text: str, code: str) -> None:
    (shop / "shop_manifest.py").write_text(text)
    (found,) = discover([EntryPoint("one", "shop_manifest:MANIFEST", GROUP)])
    assert found.manifest is None
    assert found.problem is not None
    assert found.problem.code == code
    assert found.problem.message
    assert found.problem.hint
    host = PluginHost([found])
    assert host.problems == {"one": found.problem}


def test_names_of_the_core_are_reserved(shop: Path) -> None:
    text = (
        "from evenhand.api import PluginManifest\nMANIFEST = PluginManifest(slug='core', title={}, api='', hooks='a:b')"
    )
    (shop / "shop_manifest.py").write_text(text)
    (found,) = discover([EntryPoint("core", "shop_manifest:MANIFEST", GROUP)])
    assert found.problem is not None
    assert found.problem.code == "RESERVED_SLUG"


class Good:
    @hookimpl
    def plugin_health(self) -> list[Any]:
        return []


class Misspelt:
    @hookimpl
    def plugin_helth(self) -> list[Any]:
        return []


class Greedy:
    @hookimpl
    def plugin_health(self, database: Any) -> list[Any]:
        return []


class Wrapper:
    @hookimpl(wrapper=True)
    def plugin_health(self) -> Any:
        return (yield)


class Renamed:
    @hookimpl(specname="plugin_health")
    def how_are_you(self) -> list[Any]:
        return []


class Prickly:
    def __dir__(self) -> list[str]:
        raise SystemExit


@pytest.mark.parametrize(
    ("hooks", "code", "words"),
    [
        (Misspelt(), "UNKNOWN_HOOK", "plugin_helth"),
        (Greedy(), "WRONG_ARGUMENTS", "database"),
        (Wrapper(), "HOOK_WRAPPER", "plugin_health"),
        (Good, "HOOKS_UNUSABLE", "class Good"),
        (Prickly(), "HOOKS_UNUSABLE", "SystemExit"),
    ],
)
def test_hooks_that_do_not_fit_are_reported_and_the_others_work(hooks: object, code: str, words: str) -> None:
    host = PluginHost([])
    host.load(manifest("bad"), hooks)
    host.load(manifest("absent"))
    host.load(manifest("good"), Good())
    host.load(manifest("renamed"), Renamed())
    assert host.manifests.keys() == {"good", "renamed"}
    assert host.problems["bad"].code == code
    assert words in host.problems["bad"].message
    assert host.problems["absent"].code == "HOOKS_UNUSABLE"
    host.load(manifest("good"), Renamed())
    assert host.problems["good"].code == "DUPLICATE_SLUG"
    assert host.manifests.keys() == {"good", "renamed"}


@pytest.mark.parametrize(
    ("table", "models", "code"),
    [
        ("evenhand_one_notes", MODELS, None),
        ("notes", MODELS, "FOREIGN_TABLE"),
        ("accounts", MODELS, "FOREIGN_TABLE"),
        ("evenhand_onerous_notes", MODELS, "FOREIGN_TABLE"),
        ("evenhand_one_two_notes", MODELS, "FOREIGN_TABLE"),
        ("evenhand_one_notes", MODELS.replace("TenantModel)", "Model)"), "UNSCOPED_TABLE"),
        ("evenhand_one_notes", "import sys; sys.exit(1)", "MODELS_UNUSABLE"),
        ("evenhand_one_notes", "", "NO_MODELS"),
    ],
)
def test_tables_that_are_not_its_own_are_reported(shop: Path, table: str, models: str, code: str | None) -> None:
    (shop / "shop_models.py").write_text(models.replace("{table}", table))
    (shop / "shop_migrations").mkdir()
    (shop / "shop_migrations" / "__init__.py").write_text("")
    one = manifest("one", models="shop_models", migrations="shop_migrations")
    plain = Discovered("one_two", "other 1.0", manifest("one_two"))
    checked, other = check_tables([Discovered("one", "one 1.0", one), plain])
    assert other == plain
    assert (checked.problem.code if checked.problem else None) == code
    assert (checked.manifest is None) == (code is not None)


def test_migrations_have_to_be_there_and_work(shop: Path) -> None:
    (shop / "shop_models.py").write_text(MODELS.replace("{table}", "evenhand_one_notes"))
    without = Discovered("one", "one 1.0", manifest(models="shop_models"))
    broken = Discovered("one", "one 1.0", manifest(models="shop_models", migrations="shop_migrations"))
    (shop / "shop_migrations").mkdir()
    (shop / "shop_migrations" / "__init__.py").write_text("")
    (shop / "shop_migrations" / "0001_initial.py").write_text("raise SystemExit")
    codes = [found.problem.code for one in (without, broken) for found in check_tables([one]) if found.problem]
    assert codes == ["NO_MIGRATIONS", "MIGRATIONS_UNUSABLE"]


def test_settings_have_to_be_a_model(shop: Path) -> None:
    (shop / "shop_settings.py").write_text("class Settings: pass\n")
    host = PluginHost([])
    for slug, facts in (
        ("no_model", {"settings": "shop_settings:Settings"}),
        ("no_module", {"settings": "shop_nowhere:Settings"}),
        ("no_upgrade", {"upgrade_settings": "shop_settings:upgrade"}),
    ):
        host.load(manifest(slug, **facts), Good())
        assert host.problems[slug].code == "SETTINGS_UNUSABLE"
    assert host.manifests == {}


def test_jobs_carry_the_plugins_name() -> None:
    job = JobSpec(kind="one.tidy", target="somewhere:tidy", title={"en": "Tidy up"})
    assert manifest("one", jobs=(job,)).jobs == (job,)
    with pytest.raises(ValueError, match=r"does not start with 'two\.'"):
        manifest("two", jobs=(job,))


PROCESS = """
import sys
from collections.abc import Iterator
from evenhand.db.config import DatabaseConfig
from evenhand.db.apps import installed_apps, tortoise_config
from evenhand.plugins.host import current_host
from evenhand.plugins.loader import installed_plugins
host = current_host()
print(sorted(host.manifests), {slug: problem.code for slug, problem in host.problems.items()}, sorted(installed_apps()))
"""


def test_broken_packages_beside_us_stop_nothing(tmp_path: Path) -> None:
    """Installed for real: packages with metadata, read by a process of their own."""

    def package(name: str, entry_points: str, **modules: str) -> None:
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
        for module, text in modules.items():
            (tmp_path / f"{module}.py").write_text(text)

    exits = "[evenhand.plugins]\nexits = shop_exits:M\n"
    package("exits", exits, shop_exits="import sys; sys.exit(1)")
    package("twice", "[evenhand.plugins]\nscoring = shop_twice:M\n", shop_twice="M = 1")
    package("unreadable", "[evenhand.plugins\nnonsense", shop_nothing="")
    tables = (
        "from evenhand.api import PluginManifest\n"
        "M = PluginManifest(slug='tables', title={}, api='', hooks='shop_tables:M', models='shop_models',"
        " migrations='shop_migrations')"
    )
    package(
        "tables",
        "[evenhand.plugins]\ntables = shop_tables:M\n",
        shop_tables=tables,
        shop_models=MODELS.replace("{table}", "accounts"),
    )
    (tmp_path / "shop_migrations").mkdir()
    (tmp_path / "shop_migrations" / "__init__.py").write_text("")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "EVENHAND_PLUGINS": ""}
    found = subprocess.run(
        [sys.executable, "-c", PROCESS], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert found.returncode == 0, found.stderr
    *_, line = found.stdout.splitlines()
    assert "['assignment', 'commission', 'importers']" in line
    assert "'exits': 'IMPORT_FAILED'" in line
    assert "'scoring': 'DUPLICATE_SLUG'" in line
    assert "'tables': 'FOREIGN_TABLE'" in line
    assert "'assignment', 'core'" in line
