from __future__ import annotations

import pytest

from evenhand.tenancy.models import GlobalModel, ScopedModel, TenantModel


def test_a_model_without_a_scope_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="whose rows"):

        class Stray(ScopedModel):
            pass


def test_scoped_models_can_be_declared() -> None:
    class Ours(TenantModel):
        class Meta:
            table = "ours"

    class Everybodys(GlobalModel):
        class Meta:
            table = "everybodys"

    assert Ours.model_scope != Everybodys.model_scope
