"""What every plugin keeps to, as tests that its author inherits."""

from evenhand.testing.contract.behaviour import BehaviourContract
from evenhand.testing.contract.manifest import ManifestContract
from evenhand.testing.contract.settings import SettingsContract
from evenhand.testing.contract.tables import TableContract


class PluginContract(ManifestContract, SettingsContract, TableContract, BehaviourContract):
    """Inherit from it in a test file of the plugin, and name the manifest:

        class TestContract(PluginContract):
            manifest = MANIFEST

    The plugin must be installed (`pip install --editable .`). Tests that do not apply are skipped. Give
    `settings`, `earlier_settings` or `exercise` where the defaults do not show what the plugin does.
    """


__all__ = ["PluginContract"]
