"""Parts of the reference that are drawn from the code: `python -m tests.docs.drawn` draws them.

Only what stands between the markers of a page is drawn; the prose around it is written by people.
"""
