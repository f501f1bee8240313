"""Fields that not everybody sees: rules per role, masks, and who may take records out."""
