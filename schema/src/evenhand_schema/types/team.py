"""Team."""

from evenhand import entities as models
from evenhand_schema.declare import bound, many, one
from evenhand_schema.reads.ordering import Order


@bound(models.Team)
class Team:
    """A team in the tree of teams."""

    parent = one("Team", "parent_id", "The team above; null at the top.")
    children = many("Team", "parent_id", "The teams below.", Order("name"))
    members = many("User", "team_id", "The people in the team.", Order("name"))
