"""The physics of the ECAL top tagger: products, algorithms, and the modules that join framework and inference."""
