"""Training of the embedded leash: frames of the world with the geometry that they obey."""
