"""Stories: what a mechanism or a driver does for one write, told from the recorded requests.

`explain` gives the whole story for a terminal; `block` and `file` run and record it; the sentences are made in
`snapsim.stories`.
"""
