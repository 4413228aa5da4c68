"""What the glass does: the thin-lens model, aperture shapes and presets."""
