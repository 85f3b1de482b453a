"""A simulated Stripe: `api.Stripe`, which answers as api.stripe.com/v1 does.

Objects are kept in the newest version's shape; `versions` gives them older ones.
"""
