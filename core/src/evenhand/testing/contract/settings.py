"""The part of the contract about settings."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from evenhand.plugins.loader import load_target
from evenhand.testing.contract.base import ContractBase

_WORDS = ("title", "description", "title_zh", "description_zh")


class SettingsContract(ContractBase):
    """What holds for the settings' model; skipped by plugins without settings."""

    def test_default_settings_are_valid(self) -> None:
        """The plugin can be enabled without any settings."""
        model = self.settings_model()
        assert issubclass(model, BaseModel)
        model.model_validate(model().model_dump(mode="json"))

    def test_settings_survive_storage(self) -> None:
        """What is kept as JSON reads back as the same settings."""
        model = self.settings_model()
        for given in ({}, self.settings):
            settings = model.model_validate(given)
            kept = settings.model_dump(mode="json")
            assert model.model_validate(kept) == settings
            assert model.model_validate_json(settings.model_dump_json()) == settings

    def test_misspelled_settings_are_refused(self) -> None:
        """A name that is none of the settings' is an error and not ignored."""
        with pytest.raises(ValidationError):
            self.settings_model().model_validate({"no_such_setting_": 1})

    def test_settings_are_explained_in_english_and_chinese(self) -> None:
        """Every property of the JSON Schema has a title and a help text in both languages."""
        schema: dict[str, Any] = self.settings_model().model_json_schema(mode="validation")
        silent = [
            f"{name}.{word}"
            for name, shown in schema.get("properties", {}).items()
            for word in _WORDS
            if not str(shown.get(word, "")).strip()
        ]
        assert silent == [], (
            "say Field(title=…, description=…, json_schema_extra={'title_zh': …, 'description_zh': …}) for each"
        )

    def test_settings_of_every_earlier_version_are_upgraded(self) -> None:
        """`upgrade_settings` brings each earlier shape to the present one, and changes nothing that it is given."""
        model = self.settings_model()
        earlier = range(1, self.manifest.settings_version)
        missing = set(earlier) - set(self.earlier_settings)
        assert not missing, f"earlier_settings has no sample of versions {sorted(missing)}"
        if not earlier:
            return
        assert self.manifest.upgrade_settings, "settings_version is above 1, but there is no upgrade_settings"
        upgrade = load_target(self.manifest.upgrade_settings)
        for version in earlier:
            kept = dict(copy.deepcopy(self.earlier_settings[version]))
            before = copy.deepcopy(kept)
            first, second = upgrade(version, kept), upgrade(version, kept)
            assert kept == before, f"upgrade_settings({version}, …) changes its argument"
            assert first == second, f"upgrade_settings({version}, …) is not the same twice"
            model.model_validate(first)
