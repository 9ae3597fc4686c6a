"""Teaching our own models on the procedural world.

`facts` says what is true of a training picture and which compositions are held out, `looks`
renders small pictures in every look of the world, `data` keeps them in files, `captions` puts
facts into words, `network`, `losses`, `augment` and `train` teach the encoder, `evaluate` and
`card` measure it and say what was measured. `docs/encoder.md` has the whole account.
"""
