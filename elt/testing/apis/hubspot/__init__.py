"""HubSpot's CRM API, simulated."""
