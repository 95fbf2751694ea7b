"""Colours and hatches of all figures and of the player, by purpose.

Colours are those of Okabe and Ito (*Color Universal Design*, 2008), which people with any kind of colour vision
tell apart; a hatch says the same again, for print without colours.

>>> COLOURS.keys() == HATCHES.keys(), len(set(COLOURS.values())), len(set(HATCHES.values()))
(True, 4, 4)

What it leaves out: dark backgrounds.
"""

COLOURS = {"data": "#0072B2", "copy": "#E69F00", "metadata": "#009E73", "zero": "#BBBBBB"}
HATCHES = {"data": "", "copy": "////", "metadata": "....", "zero": "xxxx"}
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#F0E442")
INK, PALE, WRONG = "#222222", "#777777", "#D55E00"
