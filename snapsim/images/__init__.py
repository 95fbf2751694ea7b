"""Real images: archives of `docker save`, skopeo, umoci and buildah, which are read once and checked throughout.

Read in this order: `archive` (images, layers, digests), `archives/` (bytes, tar files and layouts), `tree` (what the
layers show together), `report` (what each layer adds, rewrites and hides), `efficiency` (how other tools count it).

No driver is needed to read an image; loading one into a simulated daemon is `snapsim.docker.load_image`.
"""
