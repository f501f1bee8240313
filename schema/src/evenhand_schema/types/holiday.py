"""Holiday."""

from evenhand.ownership.clocks import models
from evenhand_schema.declare import bound


@bound(models.Holiday)
class Holiday:
    """A day that is not worked although the week says so, or the other way round (调休)."""
