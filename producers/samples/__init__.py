"""Makes simulated events: Pythia's particles, and a documented fast simulation of the ECAL barrel."""
