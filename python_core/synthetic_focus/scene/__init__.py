"""What the camera saw: depth, light, and where a shot is cut."""
