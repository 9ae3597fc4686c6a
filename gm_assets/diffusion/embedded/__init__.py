"""The embedded leash: our own small diffusion model, in pixels, obedient to passes."""
