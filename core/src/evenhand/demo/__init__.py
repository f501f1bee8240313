"""Two made-up companies with a history of two years, to show what Evenhand does."""
