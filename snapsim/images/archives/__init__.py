"""Archives of images as other tools write them, which are read once, as streams, and checked throughout.

`stream` bounds and hashes bytes, `blobs` says where they lie (a folder, or a tar file), `layer_tar` makes a layer of a
tar stream, `layouts` knows the two ways in which an image says which layers it has. `snapsim.images.archive` puts them
together.

What it leaves out: writing archives, and anything that would touch the file system of this machine: a layer becomes
entries of a `snapsim.drivers.diff.Diff`, so there is no file, link or device to be made in a wrong place.
"""
