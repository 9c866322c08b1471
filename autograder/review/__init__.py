"""Marking by people: what they decided (`store`, `marks`) and the local page on which they decide it (`app`).

`store`, `basis` and `marks` need nothing but the engine: scoring takes them in. The page needs the extra `review`.
"""
