"""The physics of the ECAL top tagger: products, algorithms, and the modules built on them."""
