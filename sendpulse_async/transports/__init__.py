"""What the network is, one file for each way to reach it; nothing here knows SendPulse."""
