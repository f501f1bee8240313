"""GraphQL and HTTP over the Evenhand core."""
