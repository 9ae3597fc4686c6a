"""The leash: diffusion that obeys the geometry of a sculpt."""
