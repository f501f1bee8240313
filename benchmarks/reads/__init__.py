"""Reads side by side: Evenhand's GraphQL API, hand-written SQL, PostGraphile, and graphql-core with dataloaders."""
