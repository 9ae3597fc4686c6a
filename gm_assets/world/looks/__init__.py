"""The looks of the procedural world: drawings, references, frames and visual hulls.

Everything here turns geometry (or, for some drawings, plain 2-D profiles) into pictures by
program. No model is asked and no photograph is used; memories say so.
"""
