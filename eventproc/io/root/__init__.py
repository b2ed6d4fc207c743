"""ROOT files and their branches, as uproot gives them."""
