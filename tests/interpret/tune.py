"""A tune that has what annotations tell apart: fields, a repeat, endings, parts."""

TUNE = """<start>
X:1
T:A | title
M:4/4
L:1/4
K:G
|:"Am"CD^EF|GABc|1 cBAG:|2 G4||
A|CDEF|GABc|cBAG|cBAG|CDEF|]
<end>
"""
