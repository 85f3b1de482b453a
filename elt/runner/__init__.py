"""The graph, the plan, and one run of it.

graph, selection, plan and scheduler decide; steps.py is where doing happens.
"""
