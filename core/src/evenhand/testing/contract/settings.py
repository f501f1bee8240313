"""The part of the contract about settings."""

from __future__ import annotations

import copy
import json

import pytest
from pydantic import BaseModel

from evenhand.plugins.loader import load_target
from evenhand.plugins.presentation import settings_schema, words_missing
from evenhand.plugins.settings import check, secret_names
from evenhand.testing.contract.base import ContractBase


class SettingsContract(ContractBase):
    """What holds for the settings' model; skipped by plugins without settings."""

    def test_settings_are_valid(self) -> None:
        """`settings`, by default none at all, are enough to enable the plugin."""
        model = self.settings_model()
        assert issubclass(model, BaseModel)
        model.model_validate(dict(self.settings))

    def test_settings_survive_storage(self) -> None:
        """What is kept as JSON reads back as the same settings."""
        model = self.settings_model()
        settings = model.model_validate(dict(self.settings))
        kept = settings.model_dump(mode="json", exclude=set(secret_names(model)))
        secrets = {name: getattr(settings, name) for name in secret_names(model)}
        assert model.model_validate({**json.loads(json.dumps(kept)), **secrets}) == settings

    def test_misspelled_settings_are_refused(self) -> None:
        """A name that is none of the settings' is an error and not ignored."""
        _, problems = check(self.settings_model(), {**self.settings, "no_such_setting": 1}, {}, locale="en")
        assert [problem.code for problem in problems] == ["UNKNOWN_SETTING"]

    def test_settings_are_explained_in_english_and_chinese(self) -> None:
        """Every setting has a title and a help text in both languages."""
        assert words_missing(self.settings_model()) == [], "declare them with evenhand.api.setting(title=…, help=…)"

    @pytest.mark.parametrize("locale", ["en", "zh-CN"])
    def test_settings_are_shown_as_a_json_schema(self, locale: str) -> None:
        """The form of the settings can be drawn in either language."""
        self.settings_model()
        schema = settings_schema(self.manifest, locale)
        assert schema is not None
        assert schema["title"] == self.manifest.title["zh" if locale.startswith("zh") else "en"]
        assert all(shown.get("title") for shown in schema.get("properties", {}).values())

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
