"""Stories: what a mechanism or a driver does for one write, told from the recorded requests.

`explain` is the whole story for a terminal; `block` and `file` carry it out, `narration` finds the words.
"""
