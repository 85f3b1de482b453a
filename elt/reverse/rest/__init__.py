"""What the destination `rest` is made of: templates, calls, answers, credentials.

Nothing in here knows a vendor; settings say everything.
"""
