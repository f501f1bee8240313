"""Public pools: who may claim from them and by which rules."""
