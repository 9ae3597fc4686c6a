"""Signed distance fields: solids as functions of space, and the meshes taken from them.

`solid` holds the value `Solid` with its primitives and operators, `noise` the deterministic
noise that roughens them, `meshing` the sampling on block-sparse grids and the triangles.
Nothing here knows of subjects, materials or the library.
"""
