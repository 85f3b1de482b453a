"""What talking to another side takes, in either direction: its limits, our secrets."""
