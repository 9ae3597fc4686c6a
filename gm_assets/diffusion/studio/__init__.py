"""The studio profile: hub models of the SDXL family on the leash.

Stable Diffusion XL with one control network for all passes (ControlNet-Union) and IP-Adapter for
the identity of a subject. docs/leash.md says what it needs.
"""
