"""What a sync into HubSpot is made of: properties with their types, and batches.

Nothing here makes a call.
"""
